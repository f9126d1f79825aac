#!lua flags=allow-oom
-- Stops claims on a queue; running jobs go on, enqueueing stays open.
-- KEYS 1 meta
-- Reply: 1 when it was not paused before, else 0.
return redis.call('HSETNX', KEYS[1], 'paused', '1')
