#!lua flags=no-writes,allow-stale
-- Where jobs stand. Payloads are not copied, except of jobs that no worker has seen: those up to a limit.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 moved | 7 dead:jobs | 8 meta
-- ARGV 1 bytes of payload that may be copied | then job ids
-- Reply: a letter for each id: "s" scheduled, "r" ready, "w" a worker has it, "d" dead, "g" gone, "n" no
--      such job was ever made. Fewer letters than ids: the bytes were used up, ask again for the rest.
--#use whose streams waits behind last_delivered newest
local jobs, moved, dead_jobs, meta, left = KEYS[5], KEYS[6], KEYS[7], KEYS[8], tonumber(ARGV[1])
local streams = streams_of(KEYS)
local call, letters, delivered, made = redis.call, {}, {}, {}
local any_moved = call('HLEN', moved) > 0

-- an entry that was delivered is there as long as it is pending; one that was not has to be looked for
local function in_stream(stream, entry)
  delivered[stream] = delivered[stream] or last_delivered(stream)
  if not behind(entry, delivered[stream]) then
    local pending = call('XPENDING', stream, 'w', entry, entry, 1)[1]
    return pending and (waits(pending[2]) and 'r' or 'w')
  end
  local body = call('XRANGE', stream, entry, entry)[1]
  for _, part in ipairs(body and body[2] or {}) do left = left - #part end
  return body and 'r'
end

local function never(id)
  local stream = streams[string.sub(id, 1, 1) .. whose(id)]
  if not stream then return tonumber(string.match(id, '%-(%d+)')) > tonumber(call('HGET', meta, 'seq') or 0) end
  if not made[stream] then
    -- a tenant's stream goes when it is empty, so nothing is known of what was there
    made[stream] = newest(stream) or (whose(id) == '' and '0-0' or id)
  end
  return made[stream] ~= id and behind(string.match(id, '%d+%-%d+'), made[stream])
end

for k = 2, #ARGV do
  local id = ARGV[k]
  local at = any_moved and call('HGET', moved, id) or id
  local stream = streams[string.sub(at, 1, 1) .. whose(id)]
  local state = stream and in_stream(stream, string.match(at, '%d+%-%d+'))
  if not state and call('HEXISTS', jobs, id) == 1 then state = 's' end
  if not state and call('HEXISTS', dead_jobs, id) == 1 then state = 'd' end
  letters[k - 1] = state or never(id) and 'n' or 'g'
  if left <= 0 then break end
end
return table.concat(letters)
