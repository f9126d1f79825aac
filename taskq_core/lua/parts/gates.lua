-- Limits that single jobs come to: of a task ("t:send") and of a concurrency key ("k:user:5"). Gates: `at` brings
-- root, ms, us, free (slots), workers, by_key (jobs of a key that run at a time). Tells which gate an entry has to wait
-- at, if any, and notes who passes; nothing is written before `close`. Who was enqueued earlier passes earlier: an
-- entry also waits where an older one of its level, or one of a higher level, does.
--#use gcra key_of
local function gates_at(at)
  local call, root, tasks = redis.call, at.root, {}
  local held_any = call('EXISTS', root .. 'opens') == 1
  local gates = {root = root, states = {}, places = {}}
  local states = gates.states

  local function learn(names) -- how gates stand that were not looked at yet
    local running = call('HMGET', root .. 'running', unpack(names))
    local opens = held_any and call('ZMSCORE', root .. 'opens', unpack(names)) or {}
    for k, gate in ipairs(names) do
      states[gate] = {gate = gate, may = math.huge, taken = 0, running = tonumber(running[k]) or 0, waited = opens[k]}
    end
  end

  local function of_task(task)
    local set = call('HMGET', root .. 'meta', 'rate:' .. task, 'max_running:' .. task, 'key_max_running:' .. task)
    local known, gate = {own = {}, by_key = tonumber(set[3]) or at.by_key}, 't:' .. task
    if set[1] or set[2] then
      if not states[gate] then learn({gate}) end
      local one = states[gate]
      one.most, known.own[1] = tonumber(set[2]), one
      one.may, one.wait, one.spend = gcra(root .. 'tat', gate, set[1], at.us)
    end
    tasks[task] = known
    return known
  end

  function gates.meet(entries) -- all their keys in one look
    local names, new = {}, {}
    for _, entry in ipairs(entries) do
      local key = key_of(entry[2])
      local gate = key and 'k:' .. key
      if gate and not states[gate] and not new[gate] then new[gate], names[#names + 1] = true, gate end
    end
    if #names > 0 then learn(names) end
  end

  function gates.of(fields) -- a key is looked at first: it is closed for longer, as a rule
    local set = tasks[fields[1]] or of_task(fields[1])
    local key = key_of(fields)
    if not key then return set.own end
    if not states['k:' .. key] then learn({'k:' .. key}) end
    local one = states['k:' .. key]
    one.most = set.by_key
    return {one, set.own[1]}
  end

  function gates.shut(found, rank, member) -- `member()` makes the place in the order of a gate
    for _, one in ipairs(found) do
      local room = one.most and one.most - one.running - one.taken
      if room and room < 1 or one.may - one.taken < 1 then return one end
      if one.waited and not one.head then one.head = call('ZRANGE', root .. 'held:' .. one.gate, 0, 0, 'WITHSCORES') end
      local first, level = one.waited and one.head[1], one.waited and tonumber(one.head[2])
      if first and (level < rank or level == rank and first < member()) then return one end
      -- places are not hoarded: beyond the free slots only a share of many
      if room and #gates.places >= 2 * at.free and one.taken >= math.floor((room + one.taken) / (2 * at.workers)) then
        return one
      end
    end
  end

  return gates
end
