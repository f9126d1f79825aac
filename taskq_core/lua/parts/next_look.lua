-- ms until a worker that got less than it wanted may have more of what limits held: 0 at once, for the call was cut short,
-- -1 when nothing is held. Where only a freed place helps, that one wakes somebody; 1000 is for one that got lost.
local function next_look(at, queue, lot, left, looked)
  local call, opens, SOON = redis.call, at.root .. 'opens', 20
  if queue.may < queue.want and left <= 0 then
    local _, waiting = queue.standing()
    if waiting <= 0 then return -1 end
    if queue.full then call('ZADD', opens, '+inf', 'q') end
    if queue.full then return 1000 end
    return queue.tight and SOON or queue.wait
  end
  if left <= 0 then return -1 end
  local parked = call('ZRANGE', at.root .. 'ring:opens', 0, 0, 'WITHSCORES')[2] -- tenants at a limit
  if parked then parked = math.max(1, math.min(1000, tonumber(parked) - at.ms)) end
  if not lot then return parked or -1 end
  if lot.left <= 0 or looked >= 64 then return 0 end
  local first = call('ZRANGE', opens, 0, 0, 'WITHSCORES')[2]
  if not first then return parked or -1 end
  if first == 'inf' then return parked or 1000 end
  return math.min(parked or 1000, math.max(SOON, math.min(1000, tonumber(first) - at.ms)))
end
