-- Takes up to `want` jobs of a level from among those that limits held, of the gates in `due`; returns how many.
-- `give(name, entry, count)` takes one that may run now, or returns false where something else keeps it.
--#use held
local function fetch(lot, due, level, streams, want, give)
  local call, gates, root, got = redis.call, lot.gates, lot.gates.root, 0
  local rank = string.find('chnl', level, 1, true) - 1

  local function try(gate, member) -- nil: this gate is closed
    local ms, seq, name = string.match(member, '^0*(%d+)%-0*(%d+):(.+)$')
    local stream, entry, taken = ms and streams[name], ms and ms .. '-' .. seq, 0
    local pending = stream and held(stream, entry, '~')
    local body = pending and call('XRANGE', stream, entry, entry)[1]
    local key, own
    if body then key, own = gates.of(body[2]) end
    local one = body and gates.closed(key, own, rank, function() return member end)
    if one and one.gate == gate then return nil end
    if one then lot.put(one, rank, member) -- it has to wait at its other gate
    elseif body and give(name, entry, pending[4]) then
      pass(gates.places, key, own, name, entry)
      taken = 1
    elseif body then call('XCLAIM', stream, 'w', '-', 0, entry, 'JUSTID')
    else lot.left = lot.left - 1 end -- it was cancelled or purged
    call('ZREM', root .. 'held:' .. gate, member)
    if gates.states[gate] then gates.states[gate].head = nil end
    return taken
  end

  for _, gate in ipairs(due) do
    local more = true
    while more and got < want and lot.left > 0 do
      lot.entered[gate] = true
      local members = call('ZRANGEBYSCORE', root .. 'held:' .. gate, rank, rank, 'LIMIT', 0, math.min(want - got, 50))
      more = #members > 0
      for _, member in ipairs(members) do
        local n = try(gate, member)
        if not n then more = false break end
        got = got + n
      end
    end
  end
  return got
end
