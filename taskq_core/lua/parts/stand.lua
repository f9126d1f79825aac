-- How a stream stands: {length, pending, how many of those wait (given back, or held by a limit), oldest waiting entry or ""};
-- and how many a limit holds.
--#use waits behind
local function stand(stream)
  local call = redis.call

  local function oldest(last, orphans)
    local first = call('XRANGE', stream, '(' .. last, '+', 'COUNT', 1)[1]
    local id = first and first[1] or ''
    if orphans == 0 then return id end
    -- what was given back, or is held by a limit, was delivered before, so it is older than what never was
    for owner in string.gmatch('~-', '.') do
      local orphan = call('XPENDING', stream, 'w', '-', '+', 1, owner)[1]
      if orphan and (id == '' or behind(id, orphan[1])) then id = orphan[1] end
    end
    return id
  end

  local length, pending, orphans, last, held = call('XLEN', stream), 0, 0, '0-0', 0
  local groups = length > 0 and redis.pcall('XINFO', 'GROUPS', stream) or {}
  for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'w' then
      local summary = call('XPENDING', stream, 'w')
      pending, last = summary[1], group[8]
      for _, consumer in ipairs(summary[4] or {}) do
        if waits(consumer[1]) then orphans = orphans + consumer[2] end
        if consumer[1] == '~' then held = held + consumer[2] end
      end
    end
  end
  return {length, pending, orphans, length > 0 and oldest(last, orphans) or ''}, held
end
