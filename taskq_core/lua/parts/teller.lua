-- How those are told who follow what jobs say of themselves; nil when nobody does. `wish` is what they left: most of a
-- call, entries kept, ms they are kept.
local function teller(wish, events)
  local most, kept, ttl = string.match(wish or '', '^(%d+) (%d+) (%d+)$')
  local left = tonumber(most)
  return left and function(kind, about)
    left = left - 1
    if left < 0 then return end
    redis.pcall('XADD', events, 'MAXLEN', '~', kept, '*', kind, about)
    redis.pcall('PEXPIRE', events, ttl)
  end
end
