#!lua flags=allow-oom
-- Moves due jobs to the end of their level's stream, at most `limit` a call.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 dead | 10 dead:jobs
-- ARGV 1 limit | 2 tokens kept
-- Reply: {how many, ms until the next is due or -1}.
--#use streams now rouse record
local jobs, due, moved, wake, dead, dead_jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local streams = streams_of(KEYS)
local call, now, count = redis.call, now_ms(), 0

for _, id in ipairs(call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local record = call('HGET', jobs, id)
  if record and ready(record, id, streams, moved) then
    count = count + 1
  elseif record then -- not one of ours: kept for analysis, out of the way
    call('HSET', dead_jobs, id, record)
    call('ZADD', dead, now, id)
  end
  call('ZREM', due, id)
  call('HDEL', jobs, id)
end
rouse(wake, ARGV[2], count)
local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
return {count, first and math.max(0, tonumber(first) - now) or -1}
