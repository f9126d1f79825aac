-- Leaves n wake-up tokens for idle workers, up to what is kept.
local function rouse(wake, kept, n)
  local room = tonumber(kept) - redis.call('LLEN', wake)
  for _ = 1, math.min(n, room) do redis.call('RPUSH', wake, '1') end
end
