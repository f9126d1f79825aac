-- Adds to a total and to this minute's record. `history` is a prefix: the minute is the server's own.
local function tally(stats, history, ttl, now, field, n)
  if n == 0 then return end
  redis.call('HINCRBY', stats, field, n)
  local minute = history .. ':' .. math.floor(now / 60000)
  redis.call('HINCRBY', minute, field, n)
  redis.call('EXPIRE', minute, ttl, 'NX')
end
