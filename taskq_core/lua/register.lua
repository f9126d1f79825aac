#!lua flags=allow-oom
-- Makes a new worker known: groups on all streams, its lease, what it says of itself.
-- KEYS 1-4 streams c h n l | 5 leases | 6 revoked | 7 worker hash
-- ARGV 1 worker | 2 lease ms | 3 hash TTL ms | then field, value pairs for the hash
-- Reply: server ms, or -1 when this name was revoked before (a worker takes a new name then).
--#use now
local leases, revoked, about, worker = KEYS[5], KEYS[6], KEYS[7], ARGV[1]
if redis.call('ZSCORE', revoked, worker) then return -1 end
for level = 1, 4 do
  -- the group starts at 0, never at $: jobs enqueued before the first worker must be seen
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[level], 'w', '0', 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
end
local now = now_ms()
redis.call('HSET', about, unpack(ARGV, 4))
redis.call('PEXPIRE', about, ARGV[3])
redis.call('ZADD', leases, now + ARGV[2], worker)
return now
