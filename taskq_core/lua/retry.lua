#!lua flags=allow-oom
-- Makes dead jobs ready again, and scheduled ones due now.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 dead | 9 dead:jobs | 10 wake | 11 stats
--      12 history
-- ARGV 1 history TTL s | 2 tokens kept | then job ids
-- Reply: for each id the state it was found in: "dead" and "scheduled" (done), "ready", "running" or "".
--#use streams waits owner_of now tally rouse record locate account
local jobs, due, moved, dead, dead_jobs, wake = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local streams = streams_of(KEYS)
local reply, revived, hastened, now, call = {}, 0, 0, now_ms(), redis.call

local function retry(id)
  local record = call('HGET', dead_jobs, id)
  if record then
    if not ready(record, id, streams, moved) then return 'malformed' end
    account(dead, record, {dead = -1}, now)
    call('HDEL', dead_jobs, id)
    call('ZREM', dead, id)
    revived = revived + 1
    return 'dead'
  end
  if call('HEXISTS', jobs, id) == 1 then
    call('ZADD', due, 'XX', 'LT', now, id)
    hastened = hastened + 1
    return 'scheduled'
  end
  local stream, entry = locate(id, streams, moved)
  if not stream then return '' end
  local owner = owner_of(stream, entry)
  return owner and not waits(owner) and 'running' or 'ready'
end

for at = 3, #ARGV do reply[at - 2] = retry(ARGV[at]) end
tally(KEYS[11], KEYS[12], ARGV[1], now, 'revived', revived)
rouse(wake, ARGV[2], revived + math.min(hastened, 1))
return reply
