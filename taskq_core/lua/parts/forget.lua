-- Streams of tenants that are empty are deleted; `names`, without doubles. A tenant without any other has no entry among
-- the tenants then, unless it has settings. Returns the tenants that are gone. In the ring an "e" stays behind: to take it
-- out of the middle of a list costs more than the claim that comes to it.
local function forget(crowd, names)
  local call, root, streams, marks, out, gone = redis.call, crowd.root, {}, {}, {}, {}
  for k, state in ipairs(call('HMGET', crowd.ring, unpack(names))) do
    if state == 'p' or state == 'q' then out[#out + 1] = names[k]
    elseif state then marks[#marks + 1], marks[#marks + 2] = names[k], 'e' end
    streams[k] = root .. names[k]
  end
  if #marks > 0 then call('HSET', crowd.ring, unpack(marks)) end
  if #out > 0 then call('HDEL', crowd.ring, unpack(out)) end
  call('DEL', unpack(streams))

  local tenants, keys, seen = {}, {}, {}
  for _, name in ipairs(names) do
    local rest = string.sub(name, 2)
    if not seen[rest] then
      seen[rest], tenants[#tenants + 1] = true, string.sub(rest, 2)
      for level in string.gmatch('chnl', '%l') do keys[#keys + 1] = root .. level .. rest end
    end
  end
  if call('EXISTS', unpack(keys)) > 0 then -- some have jobs at other levels
    local left = {}
    for k, tenant in ipairs(tenants) do
      if call('EXISTS', unpack(keys, 4 * k - 3, 4 * k)) == 0 then left[#left + 1] = tenant end
    end
    tenants = left
  end
  if #tenants == 0 then return gone end
  for k, set in ipairs(call('HMGET', crowd.set, unpack(tenants))) do
    if not set then gone[#gone + 1] = tenants[k] end
  end
  call('ZREM', crowd.opens, unpack(tenants))
  if #gone > 0 then
    call('ZREM', crowd.all, unpack(gone))
    call('HDEL', crowd.done, unpack(gone))
  end
  return gone
end
