#!lua flags=no-writes,allow-stale
-- The live workers of a queue: those whose lease has not run out.
-- KEYS 1 leases
-- Reply: {server ms, [worker, expiry ms]... flat}. What a worker says of itself is read by its own key.
--#use now
local now = now_ms()
return {now, redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'WITHSCORES')}
