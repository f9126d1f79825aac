-- Enqueues the job of a schedule for its due time, not to run before `at`; returns its id, or nil when the record
-- ("level task\nmeta\nabout\npayload") is none of ours, and whether somebody is to be woken.
--#use keyed
local function launch(name, record, due_ms, at, now, keys)
  local level, task, meta, payload = string.match(record, '^(%l) ([^\n]+)\n([^\n]*)\n[^\n]*\n(.*)$')
  if not level or not keys.streams[level] then return nil end
  local json = '"s":"' .. name .. '","d":' .. due_ms .. (meta == '{}' and '}' or ',' .. string.sub(meta, 2))
  if at <= now then
    keyed(keys.meta, meta)
    return level .. redis.call('XADD', keys.streams[level], '*', task, payload, '@', '{' .. json), true
  end
  local id = 's' .. now .. '-' .. redis.call('HINCRBY', keys.meta, 'seq', 1)
  redis.call('HSET', keys.jobs, id, level .. ' ' .. task .. '\n{"i":"' .. id .. '",' .. json .. '\n\n' .. payload)
  redis.call('ZADD', keys.due, at, id)
  return id, redis.call('ZRANGE', keys.due, 0, 0)[1] == id
end
