#!lua flags=no-writes,allow-stale
-- The live workers of a queue.
-- KEYS 1 leases
-- Reply: {server ms, [worker, expiry ms]... flat}. What a worker says of itself is read by its own key.
--#use now
return {now_ms(), redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')}
