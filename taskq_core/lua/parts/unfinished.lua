-- Whether a job waits or runs, by its id; anybody may have written that, so it may be none.
local function unfinished(id, streams, jobs, moved)
  if not id or not string.find(id, '^%l%d+%-%d+$') then return false end
  local stream, entry = streams[string.sub(id, 1, 1)], string.sub(id, 2)
  if stream and #redis.pcall('XRANGE', stream, entry, entry) > 0 then return true end
  return redis.call('HEXISTS', jobs, id) + redis.call('HEXISTS', moved, id) > 0
end
