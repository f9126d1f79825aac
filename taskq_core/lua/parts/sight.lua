-- A job that waits or runs: its task and meta JSON, and its record, or else its stream (with the name and entry), whether
-- a worker has it (`runs`), and attempts that were begun. Nil when it does neither.
--#use locate waits
local function sight(id, queue)
  local record = redis.call('HGET', queue.jobs, id)
  if record then
    local task, json = string.match(record, '^%l ([^\n]+)\n([^\n]*)\n[^\n]*\n')
    return task and {record = record, task = task, json = json}
  end
  local stream, entry, name = locate(id, queue.streams, queue.moved)
  if not stream then return nil end
  local fields = redis.call('XRANGE', stream, entry, entry)[1][2]
  local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
  local row = not pending.err and pending[1] or {}
  return {stream = stream, entry = entry, name = name, task = fields[1], json = fields[3] == '@' and fields[4] or '{}',
    delivered = row[2] ~= nil, runs = row[2] and not waits(row[2]), begun = row[4] or 0}
end
