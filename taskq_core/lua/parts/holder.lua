-- The id of the job that holds a uniqueness lock, while it waits or runs; nil when the lock is free.
-- A lock whose job was purged or has ended does not count, so nothing has to clean up after those.
local function holder(lock, streams, jobs, moved)
  local id = redis.call('GET', lock)
  if not id then return nil end
  local stream, entry = streams[string.sub(id, 1, 1)], string.sub(id, 2)
  if stream and #redis.call('XRANGE', stream, entry, entry) > 0 then return id end
  return redis.call('HEXISTS', jobs, id) + redis.call('HEXISTS', moved, id) > 0 and id or nil
end
