-- What a producer's session was answered to its call of this number, when it comes again; an error reply to one that was
-- followed by others: an echo, from a connection that its sender has given up. Else nil.
local function echo(session, number)
  local last = redis.call('GET', session)
  local latest = last and tonumber(string.match(last, '^%d+'))
  if not latest or latest < (tonumber(number) or 0) then return nil end
  if latest == tonumber(number) then return string.match(last, '\n(.*)$') end
  return redis.error_reply('MALFORMED this call was followed by others')
end
