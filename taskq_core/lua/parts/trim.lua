-- Drops the oldest dead jobs beyond the queue's limits, at most `most` of them; returns how many.
--#use discount
local function trim(dead, dead_jobs, meta, now, kept, age, most)
  local limits = redis.call('HMGET', meta, 'dead_max', 'dead_age')
  kept, age = tonumber(limits[1] or kept), tonumber(limits[2] or age)
  local over = math.min(most, math.max(0, redis.call('ZCARD', dead) - kept))
  local ids = over > 0 and redis.call('ZRANGE', dead, 0, over - 1) or {}
  if #ids == 0 then ids = redis.call('ZRANGEBYSCORE', dead, '-inf', '(' .. (now - age), 'LIMIT', 0, most) end
  if #ids == 0 then return 0 end
  discount(dead_jobs, ids, {dead = -1, removed = 1}, now)
  redis.call('HDEL', dead_jobs, unpack(ids))
  return redis.call('ZREM', dead, unpack(ids))
end
