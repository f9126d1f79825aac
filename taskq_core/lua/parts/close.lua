-- Writes who passed which gate in this call, and when those in `changed` are worth another look. A hash of up to 512 short
-- values is a list, searched from its start for each field; one long value makes it a table: so one of many is padded.
local function close(at, gates, changed)
  local call, root, counts, words, places = redis.call, at.root, {}, {}, gates.places

  local function write(key, row)
    if #row >= 32 then row[2] = string.format('%-65s', row[2]) end
    if #row > 0 then call('HSET', root .. key, unpack(row)) end
  end

  for gate, one in pairs(gates.states) do
    local taken = one.taken
    if taken > 0 and one.most then
      local n = one.n
      words[n] = words[n] or string.format('%d', n) -- as numbers they would take as long as all the rest
      counts[#counts + 1], counts[#counts + 2] = gate, words[n]
    end
    if taken > 0 and one.spend then one.wait = one.spend(taken) end
  end
  write('places', places)
  write('running', counts)
  for gate in pairs(changed) do
    local one, opens = gates.states[gate], at.ms
    if one and one.most and one.n >= one.most then opens = '+inf' -- a place that is freed tells
    elseif one and one.may and one.may - one.taken < 1 then opens = at.ms + one.wait end
    if call('EXISTS', root .. 'held:' .. gate) == 0 then call('ZREM', root .. 'opens', gate)
    else call('ZADD', root .. 'opens', opens, gate) end
  end
end
