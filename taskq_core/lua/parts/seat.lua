-- A worker got `n` jobs of tenants at a level, from the streams `names`: what they run is counted, and the worker's rooms
-- are where its jobs are looked for should it stop.
local function seat(crowd, worker, level, names, n)
  if n > 0 then redis.call('HINCRBY', crowd.sums, string.upper(level), n) end
  local new = #names > 0 and redis.call('SADD', crowd.rooms .. ':' .. worker, unpack(names)) or 0
  if new > 0 then redis.call('SADD', crowd.rooms, worker) end
end
