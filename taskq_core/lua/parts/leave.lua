-- Jobs of a tenant have left its stream `name`: `gone` of them, of which `ran` were in a worker's hands. Keeps the sums,
-- deletes a stream that is empty, and lets a tenant that was at its limit go on.
--#use unpark
local function leave(crowd, name, gone, ran)
  local call, level, tenant = redis.call, string.sub(name, 1, 1), string.sub(name, 3)
  if gone ~= 0 then call('HINCRBY', crowd.sums, level, -gone) end
  if ran ~= 0 then call('HINCRBY', crowd.sums, string.upper(level), -ran) end
  local stream = crowd.root .. name
  if gone > 0 and call('XLEN', stream) == 0 then
    local info, last = redis.pcall('XINFO', 'STREAM', stream), nil
    for k = 1, #info, 2 do
      if info[k] == 'last-generated-id' then last = tonumber(string.match(info[k + 1], '^%d+')) end
    end
    if last and last > tonumber(call('HGET', crowd.meta, 'born') or 0) then
      call('HSET', crowd.meta, 'born', string.format('%.0f', last))
    end
    call('DEL', stream)
    local state = call('HGET', crowd.ring, name)
    if state == 'p' or state == 'q' then call('HDEL', crowd.ring, name) end -- one in the ring is found by a claim
    local others = {}
    for other in string.gmatch('chnl', '%l') do others[#others + 1] = crowd.root .. other .. '@' .. tenant end
    if call('EXISTS', unpack(others)) == 0 and call('HEXISTS', crowd.set, tenant) == 0 then
      call('ZREM', crowd.all, tenant)
    end
  end
  if ran > 0 then unpark(crowd, tenant) end
end
