-- How many entries of a stream workers have: what is pending, but for what waits.
--#use waits
local function busy(stream)
  local pending, n = redis.pcall('XPENDING', stream, 'w'), 0
  for _, consumer in ipairs(pending.err and {} or pending[4] or {}) do
    if not waits(consumer[1]) then n = n + tonumber(consumer[2]) end
  end
  return n
end
