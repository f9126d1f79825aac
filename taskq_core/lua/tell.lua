#!lua flags=allow-oom
-- Leaves an order for one worker, which listens on this list.
-- KEYS 1 told
-- ARGV 1 order, JSON | 2 TTL ms
-- Reply: 1.
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
