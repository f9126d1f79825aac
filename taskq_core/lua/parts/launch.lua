-- Enqueues the job of a schedule for its due time, not to run before `at`; returns its id, or nil when the record ("level
-- task\nmeta\nabout\npayload", a level of a tenant being "n@acme") is none of ours, and whether somebody is to be woken. In
-- the third place an error reply where queue or tenant have no room; then nothing was done.
--#use keyed full crowd crowded open
local function launch(name, record, due_ms, at, now, keys)
  local level, task, meta, payload = string.match(record, '^(%S+) ([^\n]+)\n([^\n]*)\n[^\n]*\n(.*)$')
  local stream = level and keys.streams[level]
  if not stream then return nil end
  local crowd, tenant, call = crowd_of({keys.streams.c}), string.sub(level, 2), redis.call
  local refused = full(keys.meta, keys.streams, keys.jobs, 1, #record)
    or tenant ~= '' and at <= now and crowded(crowd, {level, task, '1', '', meta, '', '', payload}, 1)
  if refused then return nil, false, refused end
  local json = '"s":"' .. name .. '","d":' .. due_ms .. (meta == '{}' and '}' or ',' .. string.sub(meta, 2))
  if at <= now then
    keyed(keys.meta, meta)
    local first = tenant ~= '' and open(crowd, level, stream, now, 1) or '*'
    return string.sub(level, 1, 1) .. call('XADD', stream, first, task, payload, '@', '{' .. json) .. tenant, true
  end
  local id = 's' .. now .. '-' .. call('HINCRBY', keys.meta, 'seq', 1) .. tenant
  local head = string.sub(level, 1, 1) .. ' ' .. task
  call('HSET', keys.jobs, id, head .. '\n{"i":"' .. id .. '",' .. json .. '\n\n' .. payload)
  call('ZADD', keys.due, at, id)
  return id, call('ZRANGE', keys.due, 0, 0)[1] == id
end
