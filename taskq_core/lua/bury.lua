#!lua flags=allow-oom
-- Moves scheduled jobs to the dead letter queue: no further attempt.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 dead | 9 dead:jobs | 10 meta | 11 stats | 12 history
-- ARGV 1 history TTL s | 2 dead kept | 3 dead age ms | 4 error JSON of a job that never ran | then job ids
-- Reply: for each id the state it was found in: "scheduled" (buried), "ready", "running", "dead" or "".
--#use streams waits owner_of now tally locate parse trim account
local jobs, due, moved, dead, dead_jobs, meta_key = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local streams = streams_of(KEYS)
local reply, buried, launched, now, call = {}, 0, 0, now_ms(), redis.call

local function last_words(record) -- as it is stored, with attempts granted anew should it be retried
  local task, meta, failure, payload = parse(record)
  if not task then return record end
  local ok, about = pcall(cjson.decode, meta)
  if ok and type(about) == 'table' and about.a then
    about.g = about.a
    meta = cjson.encode(about)
  end
  if failure == '' then failure = ARGV[4] end
  return string.sub(record, 1, 2) .. task .. '\n' .. meta .. '\n' .. failure .. '\n' .. payload
end

local function bury(id)
  local record = call('HGET', jobs, id)
  if record then
    call('HSET', dead_jobs, id, last_words(record))
    call('ZADD', dead, now, id)
    call('ZREM', due, id)
    call('HDEL', jobs, id)
    launched = launched + account(dead, record, {dead = 1}, now)
    buried = buried + 1
    return 'scheduled'
  end
  local stream, entry = locate(id, streams, moved)
  if not stream then return call('HEXISTS', dead_jobs, id) == 1 and 'dead' or '' end
  local owner = owner_of(stream, entry)
  return owner and not waits(owner) and 'running' or 'ready'
end

for at = 5, #ARGV do reply[at - 4] = bury(ARGV[at]) end
tally(KEYS[11], KEYS[12], ARGV[1], now, 'dead', buried)
tally(KEYS[11], KEYS[12], ARGV[1], now, 'enqueued', launched)
tally(KEYS[11], KEYS[12], ARGV[1], now, 'trimmed', trim(dead, dead_jobs, meta_key, now, ARGV[2], ARGV[3], buried + 10))
return reply
