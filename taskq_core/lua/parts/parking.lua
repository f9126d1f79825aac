-- Where jobs wait whose gates are closed: in the name of "~", and in a sorted set for each gate, by level and age.
-- At most `most` of them are put there or looked at in vain in a call, so that it stays short.
--#use gates pass close aged laden aside
local function parking(at, streams, most)
  local call, root, gates = redis.call, at.root, gates_at(at)
  local lot = {left = most, gates = gates, entered = {}}
  local rows, moves, full, LEVELS = {}, {}, {}, {c = 0, h = 1, n = 2, l = 3}

  function lot.open(name, stream) -- whether it may be read: it has not too many that are held
    if full[name] == nil then full[name] = gates.held_any and laden(name, stream) end
    return not full[name]
  end

  function lot.shut(name, entry, fields)
    local function member() return aged(name, entry) end
    local key, own = gates.of(fields)
    return gates.closed(key, own, LEVELS[string.sub(name, 1, 1)], member)
  end

  function lot.put(one, rank, member)
    local row = rows[one.gate] or {}
    rows[one.gate], row[#row + 1], row[#row + 2] = row, rank, member
    lot.left = lot.left - 1
  end

  function lot.sift(name, entries, counts) -- those that may run; `counts`: how often each was handed out before
    local passed, rank, few, id = nil, LEVELS[string.sub(name, 1, 1)], 2 * at.free, nil
    local tasks, places, closed, keys = gates.tasks, gates.places, gates.closed, gates.meet(entries)
    local function member() return aged(name, id) end
    for k = 1, #entries do
      local entry, key = entries[k], keys[k]
      local task, one = entry[2][1], nil
      local set = tasks[task] or gates.of_task(task)
      local own = set.own
      id = entry[1]
      if key then key.most = set.by_key end
      -- most pass by number alone, so that is asked first, and without a call
      if #places >= few or key and (key.waited or key.n >= key.most) or own and own.taken >= own.sure then
        one = closed(key, own, rank, member)
      end
      if one then
        passed = passed or {unpack(entries, 1, k - 1)}
        lot.put(one, rank, member())
        local move = name .. ' ' .. (counts and counts[id] or 0)
        moves[move] = moves[move] or {}
        table.insert(moves[move], id)
      else
        if key or own then pass(places, key, own, name, id) end
        if passed then passed[#passed + 1] = entry end
      end
    end
    if passed and #name > 1 then moves = aside(moves, streams) end -- else they would count as running at their tenant's limit
    return passed or entries
  end

  function lot.settle()
    for gate, row in pairs(rows) do
      call('ZADD', root .. 'held:' .. gate, unpack(row))
      lot.entered[gate] = lot.entered[gate] or not gates.states[gate].waited
    end
    moves = aside(moves, streams)
    close(at, gates, lot.entered)
  end

  return lot
end
