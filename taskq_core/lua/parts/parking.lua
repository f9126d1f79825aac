-- Where jobs wait whose gates are closed: in the name of "~", and in a sorted set for each gate, by level and age.
-- At most `most` of them are put there or looked at in vain in a call, so that it stays short.
--#use gates pass close aged
local function parking(at, streams, most)
  local call, root, gates = redis.call, at.root, gates_at(at)
  local lot = {left = most, gates = gates, entered = {}}
  local rows, moves, full, LEVELS = {}, {}, {}, {c = 0, h = 1, n = 2, l = 3}

  function lot.open(name, stream) -- whether it may be read: it has not too many that are held
    if full[name] == nil then
      local pending = call('EXISTS', root .. 'opens') == 1 and redis.pcall('XPENDING', stream, 'w') or {}
      full[name] = false
      for _, consumer in ipairs(pending.err and {} or pending[4] or {}) do
        if consumer[1] == '~' then full[name] = tonumber(consumer[2]) >= (#name > 1 and 1000 or 100000) end
      end
    end
    return not full[name]
  end

  function lot.shut(name, entry, fields)
    local function member() return aged(name, entry) end
    return gates.shut(gates.of(fields), LEVELS[string.sub(name, 1, 1)], member)
  end

  function lot.put(one, rank, member)
    local row = rows[one.gate] or {}
    rows[one.gate], row[#row + 1], row[#row + 2] = row, rank, member
    lot.left = lot.left - 1
  end

  function lot.sift(name, entries, counts) -- those that may run; `counts`: how often each was handed out before
    local passed, rank, id = {}, LEVELS[string.sub(name, 1, 1)], nil
    local function member() return aged(name, id) end
    gates.meet(entries)
    for _, entry in ipairs(entries) do
      local found = gates.of(entry[2])
      id = entry[1]
      local one = found[1] and gates.shut(found, rank, member)
      if one then
        lot.put(one, rank, member())
        local move = name .. ' ' .. (counts and counts[id] or 0)
        moves[move] = moves[move] or {}
        table.insert(moves[move], id)
      else
        if found[1] then pass(gates, found, name, id) end
        passed[#passed + 1] = entry
      end
    end
    return passed
  end

  function lot.settle()
    for gate, row in pairs(rows) do
      call('ZADD', root .. 'held:' .. gate, unpack(row))
      lot.entered[gate] = lot.entered[gate] or not gates.states[gate].waited
    end
    for move, ids in pairs(moves) do
      local name, count = string.match(move, '^(%S+) (%d+)$')
      for _, word in ipairs({'RETRYCOUNT', count, 'JUSTID'}) do ids[#ids + 1] = word end
      call('XCLAIM', streams[name], 'w', '~', 0, unpack(ids)) -- the next claim adds one: this was none
    end
    close(at, gates, lot.entered)
  end

  return lot
end
