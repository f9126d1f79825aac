-- Whether a job waits or runs, by its id; anybody may have written that, so it may be none.
local function unfinished(id, streams, jobs, moved)
  local level, entry, tenant = string.match(id or '', '^(%l)(%d+%-%d+)(@?[%w._-]*)$')
  if not level then return false end
  local stream = streams[level .. tenant]
  if stream and #redis.pcall('XRANGE', stream, entry, entry) > 0 then return true end
  return redis.call('HEXISTS', jobs, id) + redis.call('HEXISTS', moved, id) > 0
end
