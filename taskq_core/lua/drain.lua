#!lua flags=allow-oom
-- Closes a queue to producers; workers go on with what waits there.
-- KEYS 1 meta
-- Reply: 1 when it was open before, 0 when it drained already, -1 when it is paused (then nothing was done).
if redis.call('HEXISTS', KEYS[1], 'paused') == 1 then return -1 end
return redis.call('HSETNX', KEYS[1], 'draining', '1')
