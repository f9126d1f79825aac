#!lua flags=allow-oom
-- Notes a queue's name in its namespace. Allowed on a full server: a worker that comes to drain it says so.
-- KEYS 1 queues
-- ARGV 1 queue
-- Reply: 1 when it is new there, else 0.
return redis.call('SADD', KEYS[1], ARGV[1])
