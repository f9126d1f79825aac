#!lua flags=allow-oom
-- Renews a lease and what the worker says of itself.
-- KEYS 1 leases | 2 worker hash
-- ARGV 1 worker | 2 lease ms | 3 hash TTL ms | then field, value pairs for the hash
-- Reply: server ms, or -1 when the lease is gone: all acks of this name are refused from now on.
--#use now
local leases, about, worker = KEYS[1], KEYS[2], ARGV[1]
if not redis.call('ZSCORE', leases, worker) then return -1 end
local now = now_ms()
redis.call('ZADD', leases, 'XX', now + ARGV[2], worker)
redis.call('HSET', about, unpack(ARGV, 4))
redis.call('PEXPIRE', about, ARGV[3])
return now
