-- Whether an entry has to wait at a gate (see `gates`); `member()` makes its place in the order of those that wait there.
-- `places`: what has passed in this call. `at`: root, free (slots), workers.
local function shut(one, at, places, rank, member)
  local most, taken = one.most, one.taken
  if most and one.n >= most or one.may and taken >= one.may then return true end
  if one.waited then
    if not one.head then one.head = redis.call('ZRANGE', at.root .. 'held:' .. one.gate, 0, 0, 'WITHSCORES') end
    local first, level = one.head[1], tonumber(one.head[2])
    if first and (level < rank or level == rank and first < member()) then return true end
  end
  -- places are not hoarded: beyond the free slots only a share of many
  return most and #places >= 2 * at.free and taken >= math.floor((most - one.n + taken) / (2 * at.workers))
end
