#!lua flags=allow-oom
-- What a maintainer looks at each second; taking the lock makes it the one that acts.
-- KEYS 1 lock | 2 leases | 3 revoked
-- ARGV 1 worker | 2 lock TTL ms
-- Reply: {1 when the lock is ours, server ms, [worker, expiry ms]... flat, revoked workers}.
--#use now
local lock, leases, revoked, worker = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local owner = redis.call('GET', lock)
if not owner or owner == worker then redis.call('SET', lock, worker, 'PX', ARGV[2]) end
local ours = (not owner or owner == worker) and 1 or 0
return {ours, now_ms(), redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES'), redis.call('ZRANGE', revoked, 0, -1)}
