#!lua
-- Whether the queue could be written to, without writing. No flag: a server that is full, a replica, or
-- one that cannot save refuses this script, as it would refuse an enqueue.
-- KEYS 1 leases
-- Reply: {server ms, live workers}.
--#use now
local now = now_ms()
return {now, redis.call('ZCOUNT', KEYS[1], now, '+inf')}
