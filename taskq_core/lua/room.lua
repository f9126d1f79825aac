#!lua flags=no-writes
-- Whether a queue has room for some more jobs: for producers that wait for it, without their payloads.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 meta | 7 stats
-- ARGV 1 jobs | 2 bytes
-- Reply: {"" or the error that an enqueue would get, jobs that have left the queue so far}
--#use streams full
local refused = full(KEYS[6], streams_of(KEYS), KEYS[5], tonumber(ARGV[1]), tonumber(ARGV[2]))
local left = 0
for _, n in ipairs(redis.call('HMGET', KEYS[7], 'done', 'dead', 'cancelled', 'purged')) do left = left + (tonumber(n) or 0) end
return {refused and refused.err or '', left}
