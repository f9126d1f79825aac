#!lua flags=allow-oom
-- Removes scheduled or dead jobs, a bounded step at a time, the earliest first.
-- KEYS 1 due or dead | 2 jobs or dead:jobs | 3 stats | 4 history
-- ARGV 1 history TTL s | 2 most | 3 only those with a score below this ms, or ""
-- Reply: how many were removed; 0 when none is left.
--#use now tally discount
local stop = ARGV[3] == '' and '+inf' or ('(' .. ARGV[3])
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', stop, 'LIMIT', 0, ARGV[2])
if #ids == 0 then return 0 end
local now, died = now_ms(), string.match(KEYS[1], ':dead$')
local launched = discount(KEYS[2], ids, died and {dead = -1, removed = 1} or {removed = 1}, now)
redis.call('HDEL', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[1], unpack(ids))
tally(KEYS[3], KEYS[4], ARGV[1], now, 'purged', #ids)
tally(KEYS[3], KEYS[4], ARGV[1], now, 'enqueued', launched)
return #ids
