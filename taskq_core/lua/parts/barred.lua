-- The tenants of a queue of whose ready jobs some may not start now: they are paused, or at a limit of their own. Calls
-- `add(tenant, settings, ready, running, held)` for each. Looks at those that have settings or, where fewer have, those with
-- waiting jobs; at `most` of them, taken at random, where both are more. Returns how many tenants each of these stands for.
-- Only reads, so who may only read may ask: `allowed` and `gcra` have a part that writes.
--#use waits
local function barred(crowd, us, most, add)
  local call = redis.call
  local size = call('HLEN', crowd.set)
  if size == 0 then return 1 end
  local each, rows = 1, {}
  if size <= most then rows = call('HGETALL', crowd.set)
  elseif call('HLEN', crowd.ring) > most then
    rows, each = call('HRANDFIELD', crowd.set, most, 'WITHVALUES'), size / most
  else
    local seen, ring = {}, call('HGETALL', crowd.ring)
    for k = 1, #ring, 2 do
      local tenant = string.match(ring[k], '^%l@(.+)$')
      local set = tenant and not seen[tenant] and call('HGET', crowd.set, tenant)
      if set then seen[tenant], rows[#rows + 1], rows[#rows + 2] = true, tenant, set end
    end
  end

  local function count(tenant) -- ready, how many of these a limit of a task or key has put aside, running
    local all, aside, running, root, at = 0, 0, 0, crowd.root, '@' .. tenant
    local none = call('EXISTS', root .. 'c' .. at, root .. 'h' .. at, root .. 'n' .. at, root .. 'l' .. at) == 0
    if none then return 0, 0, 0 end
    for level in string.gmatch('chnl', '%l') do
      local stream = root .. level .. at
      local n = call('XLEN', stream)
      local pending = n > 0 and redis.pcall('XPENDING', stream, 'w') or {}
      all = all + n
      for _, consumer in ipairs(pending.err and {} or pending[4] or {}) do
        if consumer[1] == '~' then aside = aside + consumer[2]
        elseif not waits(consumer[1]) then running = running + consumer[2] end
      end
    end
    return all - running, aside, running
  end

  local function may(tenant, set, running) -- how many more may start now
    local most, paused, gap, burst = string.match(set, '^%d+ (%d+) %d+ (%d) ?([1-9]?%d*) ?([1-9]?%d*)')
    if paused == '1' then return 0 end
    local room = tonumber(most or 0) > 0 and most - running or math.huge
    if (tonumber(gap) or 0) > 0 and tonumber(burst) then
      local full = us + gap * burst
      local due = math.min(math.max(tonumber(call('HGET', crowd.tat, '@' .. tenant)) or 0, us), full)
      room = math.min(room, math.floor((full - due) / gap))
    end
    return math.max(0, room)
  end

  for k = 1, #rows, 2 do
    local tenant, set = rows[k], rows[k + 1]
    if not string.find(set, '^%d+ 0 %d+ 0$') then -- a weight, and `max_waiting`, hold nothing
      local ready, aside, running = count(tenant)
      local held = ready > aside and ready - aside - may(tenant, set, running) or 0
      if held > 0 then add(tenant, set, ready, running, held) end
    end
  end
  return each
end
