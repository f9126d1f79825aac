-- Limits that single jobs come to: of a task ("t:send") and of a concurrency key ("k:user:5"). Gates: `at` brings
-- root, ms, us, free (slots), workers, by_key (jobs of a key that run at a time). Tells which gate an entry has to wait
-- at, if any, and notes who passes; nothing is written before `settle` (see parking). Who was enqueued earlier passes
-- earlier: an entry also waits where an older one of its level, or one of a higher level, does.
--#use gcra
local function gates_at(at)
  local call, root, tasks = redis.call, at.root, {}
  local gates, places = {root = root, states = {}, tight = false}, {}

  local function state(gate, rate, most)
    local found = gates.states[gate]
    if not found then
      local may, wait, spend = gcra(root .. 'tat', gate, rate, at.us)
      found = {gate = gate, may = may, wait = wait, spend = spend, taken = 0, rate = rate,
        running = most and tonumber(call('HGET', root .. 'running', gate)) or 0,
        waited = call('ZSCORE', root .. 'opens', gate)}
      gates.states[gate] = found
    end
    found.most = most
    return found
  end

  function gates.of(fields) -- a key is looked at first: it is closed for longer, as a rule
    local task, found = fields[1], {}
    local set = tasks[task] or call('HMGET', root .. 'meta', 'rate:' .. task, 'max_running:' .. task, 'key_max_running:' .. task)
    tasks[task] = set
    local key = fields[3] == '@' and string.match(fields[4], '[{,]"q":"([!-~]-)"')
    if key then found[1] = state('k:' .. key, false, tonumber(set[3]) or at.by_key) end
    if set[1] or set[2] then found[#found + 1] = state('t:' .. task, set[1], tonumber(set[2])) end
    return found
  end

  local function behind_others(one, rank, member)
    if not one.waited then return false end
    if not one.head then one.head = call('ZRANGE', root .. 'held:' .. one.gate, 0, 0, 'WITHSCORES') end
    local first, level = one.head[1], tonumber(one.head[2])
    return first and (level < rank or level == rank and first < member)
  end

  function gates.shut(found, rank, member)
    for _, one in ipairs(found) do
      local room = one.most and one.most - one.running - one.taken
      if room and room < 1 or one.may - one.taken < 1 or behind_others(one, rank, member) then return one end
      -- places are not hoarded: beyond the free slots only a share of many
      if room and #places >= 2 * at.free and one.taken >= math.floor((room + one.taken) / (2 * at.workers)) then
        gates.tight = true
        return one
      end
    end
  end

  function gates.pass(found, name, entry)
    local kept = {}
    for _, one in ipairs(found) do
      one.taken = one.taken + 1
      if one.most then kept[#kept + 1] = one.gate end
    end
    if #kept > 0 then
      places[#places + 1], places[#places + 2] = name .. ' ' .. entry, table.concat(kept, ' ')
    end
  end

  function gates.settle(changed) -- writes who passed, and when the gates named are worth another look
    if #places > 0 then call('HSET', root .. 'places', unpack(places)) end
    for gate, one in pairs(gates.states) do
      if one.taken > 0 then
        if one.most then call('HINCRBY', root .. 'running', gate, one.taken) end
        one.wait = one.spend(one.taken)
      end
    end
    for gate in pairs(changed) do
      local one, opens = gates.states[gate], at.ms
      if one and one.most and one.running + one.taken >= one.most then opens = '+inf' -- a place that is freed tells
      elseif one and one.may - one.taken < 1 then opens = at.ms + one.wait end
      if call('EXISTS', root .. 'held:' .. gate) == 0 then call('ZREM', root .. 'opens', gate)
      else call('ZADD', root .. 'opens', opens, gate) end
    end
  end

  return gates
end
