-- A tenant that was parked at a limit is back in the round at all levels; whether it may have jobs is asked by the claim
-- that comes to it. Wakes one worker, which wakes more by what it leaves.
local function unpark(crowd, tenant)
  local call, names = redis.call, {}
  for level in string.gmatch('chnl', '%l') do names[#names + 1] = level .. '@' .. tenant end
  local back = false
  call('ZREM', crowd.opens, tenant) -- or workers would look for it again
  for k, state in ipairs(call('HMGET', crowd.ring, unpack(names))) do
    if state == 'p' or state == 'q' then
      call('HSET', crowd.ring, names[k], state == 'p' and 'r' or 'o')
      local list = crowd.lists .. string.sub(names[k], 1, 1)
      if call('RPUSH', list, tenant) == 1 then call('LPUSH', list, '') end
      back = true
    end
  end
  if back and call('LLEN', crowd.wake) == 0 then call('RPUSH', crowd.wake, '1') end
end
