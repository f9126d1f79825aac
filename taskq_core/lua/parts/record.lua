-- Puts a stored record ("level task\nmeta\nerror\npayload") at the end of its level's stream, under
-- its own id, and notes where it is. Returns false when it is not such a record.
local function ready(record, id, streams, moved)
  local level, task, meta, payload = string.match(record, '^(%l) ([^\n]+)\n([^\n]*)\n[^\n]*\n(.*)$')
  if not level or not streams[level] then return false end
  local entry = redis.call('XADD', streams[level], '*', task, payload, '@', meta)
  redis.call('HSET', moved, id, level .. entry)
  return true
end
