-- One tenant's turn, or that of the jobs without one: up to `most` jobs of the stream `name`, fewer where a limit of its
-- own says so. Returns how many, and what is left: as `draw` says (see rotate), or "park" at a limit.
--#use allowed
local function serve(crowd, name, settings, state, most, draw, us)
  local room, wait, spend, tenant = math.huge, nil, nil, string.sub(name, 3)
  if settings then room, wait, spend = allowed(crowd, tenant, settings, us) end
  if room <= 0 then
    if wait then redis.call('ZADD', crowd.opens, math.floor(us / 1000) + wait, tenant) end
    return 0, 'park'
  end
  local got, left, clean = draw(name, math.min(most, room), tenant == '' or state == 'o')
  if clean and state == 'o' then redis.call('HSET', crowd.ring, name, 'r') end
  if spend then spend(got) end
  return got, left
end
