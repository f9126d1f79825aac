#!lua flags=allow-oom
-- Removes a schedule and what was counted of it; jobs that it made stay.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV 1 name
-- Reply: 1 when it was there, else 0.
local name, call = ARGV[1], redis.call
for _, about in ipairs({'fired', 'missed', 'skipped', 'paused', 'runs', 'last', 'token'}) do
  call('HDEL', KEYS[3], name .. ':' .. about)
end
call('ZREM', KEYS[2], name)
return call('HDEL', KEYS[1], name)
