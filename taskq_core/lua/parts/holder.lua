-- The id of the job that holds a uniqueness lock, while it waits or runs, and until when ("" or ms) the lock is held
-- whatever becomes of that job; nil when the lock is free.
-- A lock whose job was purged or has ended does not count, so nothing has to clean up after those.
local function holder(lock, now, queue)
  local value = redis.call('GET', lock)
  if not value then return nil end
  local id, free = string.match(value, '^(%S+) ?(%d*)$')
  if not id then return nil end
  if free ~= '' and tonumber(free) > now then return id, free end
  local level, entry, tenant = string.match(id, '^(%l)(%d+%-%d+)(.*)$')
  local stream = level and queue.streams[level .. tenant]
  if stream and #redis.call('XRANGE', stream, entry, entry) > 0 then return id, '' end
  return redis.call('HEXISTS', queue.jobs, id) + redis.call('HEXISTS', queue.moved, id) > 0 and id or nil, ''
end
