-- A rate limit by GCRA: how many may start now, ms until one may, and a function that notes how many did. `rate`: "<µs
-- between two> <burst> …", or false for none. In `tat` each gate has the time at which all that started would be due if
-- they had come evenly: it runs ahead of the clock by a burst at most.
local function gcra(tat, gate, rate, now_us)
  local gap, burst = string.match(rate or '', '^([1-9]%d*) ([1-9]%d*)')
  if not gap then return math.huge, 0, function() end end
  gap = tonumber(gap)
  local full = now_us + gap * tonumber(burst)
  -- a clock that was set back closes a gate for no longer than a whole burst would
  local due = math.min(math.max(tonumber(redis.call('HGET', tat, gate)) or 0, now_us), full)
  local may = math.floor((full - due) / gap)
  local function spend(n)
    if n > 0 then redis.call('HSET', tat, gate, string.format('%.0f', due + n * gap)) end
    due = due + n * gap
    return math.max(0, math.ceil((due + gap - full) / 1000))
  end
  return may, math.max(0, math.ceil((due + gap - full) / 1000)), spend
end
