#!lua flags=allow-oom
-- What a maintainer looks at twice a second; taking the lock makes it the one that acts.
-- KEYS 1-4 streams c h n l | 5 lock | 6 leases | 7 revoked | 8 next times of the schedules
-- ARGV 1 worker | 2 lock TTL ms | then the workers that it holds for dead
-- Reply: {1 when the lock is ours, server ms, [worker, expiry ms]... flat, revoked workers,
--      next time of a schedule, ms, or ""}. To the one that acts, a consumer that holds jobs without any lease (it
--      was deleted, or evicted) has expiry 0.
--#use waits now crowd
local lock, leases, revoked, worker = KEYS[5], KEYS[6], KEYS[7], ARGV[1]
local owner = redis.call('GET', lock)
-- the lock of one that is gone may last for hours: when the clock was set back, or the lease was deleted
local ours = not owner or owner == worker or not redis.call('ZSCORE', leases, owner)
for k = 3, #ARGV do ours = ours or owner == ARGV[k] end
if ours then redis.call('SET', lock, worker, 'PX', ARGV[2]) end

local known = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
local function add_stray(consumer) -- XINFO's flat fields: name, its value, pending, its value, …
  local name = consumer[2]
  if consumer[4] == 0 or waits(name) then return end
  if redis.call('ZSCORE', leases, name) or redis.call('ZSCORE', revoked, name) then return end
  known[#known + 1], known[#known + 2] = name, '0'
end
for level = 1, ours and 4 or 0 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[level], 'w')
  for _, consumer in ipairs(consumers.err and {} or consumers) do add_stray(consumer) end
end
for _, name in ipairs(ours and redis.call('SRANDMEMBER', crowd_of(KEYS).rooms, 1000) or {}) do
  add_stray({nil, name, nil, 1}) -- it may hold jobs of tenants: who takes it over sees
end
local first = redis.call('ZRANGE', KEYS[8], 0, 0, 'WITHSCORES')[2] or ''
return {ours and 1 or 0, now_ms(), known, redis.call('ZRANGE', revoked, 0, -1), first}
