-- Limits that single jobs come to: of a task ("t:send") and of a concurrency key ("k:user:5"). Gates: `at` brings
-- root, ms, us, free (slots), workers, by_key (jobs of a key that run at a time). Tells which gate an entry has to wait
-- at, if any, and notes who passes; nothing is written before `close`. Who was enqueued earlier passes earlier: an
-- entry also waits where an older one of its level, or one of a higher level, does.
-- A gate: `n` run there, `taken` of them by this call; `most`; `may` by its rate; `waited`: since when somebody waits.
--#use gcra key_of shut
local function gates_at(at)
  local call, root, tasks, states, places = redis.call, at.root, {}, {}, {}
  local held_any = call('EXISTS', root .. 'opens') == 1
  local gates = {root = root, states = states, tasks = tasks, places = places, held_any = held_any}

  local function learn(names) -- how these gates stand
    local running = call('HMGET', root .. 'running', unpack(names))
    for k = 1, #names do
      if running[k] then states[names[k]].n = tonumber(running[k]) end
    end
    for k, opens in ipairs(held_any and call('ZMSCORE', root .. 'opens', unpack(names)) or {}) do
      states[names[k]].waited = opens
    end
  end

  function gates.of_task(task) -- by_key, and `own`: its gate, or nil
    local set = call('HMGET', root .. 'meta', 'rate:' .. task, 'max_running:' .. task, 'key_max_running:' .. task)
    local known, gate = {by_key = tonumber(set[3]) or at.by_key}, 't:' .. task
    if set[1] or set[2] then
      local one = {gate = gate, n = 0, taken = 0, waited = false, most = tonumber(set[2]) or false}
      known.own, states[gate] = one, one
      learn({gate})
      one.may, one.wait, one.spend = gcra(root .. 'tat', gate, set[1], at.us)
      -- how many pass whatever else is so; a gate at which somebody waits is asked each time
      one.sure = one.waited and 0 or math.min(one.may, (one.most or math.huge) - one.n)
    end
    tasks[task] = known
    return known
  end

  function gates.meet(entries) -- the gates of their keys, by number, all in one look
    local found, names = {}, {}
    for k = 1, #entries do
      local fields = entries[k][2]
      local key = fields[3] and key_of(fields)
      if key then
        key = 'k:' .. key
        local one = states[key]
        if not one then
          one = {gate = key, n = 0, taken = 0, most = 0}
          states[key], names[#names + 1] = one, key
        end
        found[k] = one
      end
    end
    if #names > 0 then learn(names) end
    return found
  end

  function gates.of(fields) -- those of one entry, its key's first: it is closed for longer, as a rule
    local set, key = tasks[fields[1]] or gates.of_task(fields[1]), gates.meet({{'', fields}})[1]
    if key then key.most = set.by_key end
    return key, set.own
  end

  -- Which of its gates (or nil) an entry has to wait at, if any; `member()` makes its place in the order.
  function gates.closed(key, own, rank, member)
    if key and shut(key, at, places, rank, member) then return key end
    return own and shut(own, at, places, rank, member) and own or nil
  end

  return gates
end
