-- Puts a stored record ("level task\nmeta\nerror\npayload") at the end of its level's stream, under
-- its own id, and notes where it is. Returns false when it is not such a record.
--#use whose crowd now open keyed
local function ready(record, id, streams, moved)
  local level, task, meta, payload = string.match(record, '^(%l) ([^\n]+)\n([^\n]*)\n[^\n]*\n(.*)$')
  local name = level and level .. whose(id)
  local stream, first = name and streams[name], '*'
  if not stream then return false end
  if #name > 1 then first = open(crowd_of({streams.c}), name, stream, now_ms(), 1) end
  local entry = redis.call('XADD', stream, first, task, payload, '@', meta)
  redis.call('HSET', moved, id, level .. entry)
  keyed(string.match(streams.c, '^.*:') .. 'meta', meta)
  return true
end
