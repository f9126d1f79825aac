-- Writes who passed which gate in this call, and when those in `changed` are worth another look.
local function close(at, gates, changed)
  local call, root, counts = redis.call, at.root, {}
  if #gates.places > 0 then call('HSET', root .. 'places', unpack(gates.places)) end
  for gate, one in pairs(gates.states) do
    if one.taken > 0 and one.most then
      counts[#counts + 1], counts[#counts + 2] = gate, one.running + one.taken
    end
    if one.taken > 0 and one.spend then one.wait = one.spend(one.taken) end
  end
  if #counts > 0 then call('HSET', root .. 'running', unpack(counts)) end
  for gate in pairs(changed) do
    local one, opens = gates.states[gate], at.ms
    if one and one.most and one.running + one.taken >= one.most then opens = '+inf' -- a place that is freed tells
    elseif one and one.may - one.taken < 1 then opens = at.ms + one.wait end
    if call('EXISTS', root .. 'held:' .. gate) == 0 then call('ZREM', root .. 'opens', gate)
    else call('ZADD', root .. 'opens', opens, gate) end
  end
end
