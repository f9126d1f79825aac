#!lua flags=allow-oom
-- Forgets a group. Its members stay as they are; its callback does not run any more.
-- KEYS 1 its hash | 2 groups of the queue
-- ARGV 1 id
-- Reply: 1 when it was there, else 0.
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
