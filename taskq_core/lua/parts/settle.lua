-- Counts what became of members of a group; once all it waits for has come, enqueues its callback. Returns how many jobs
-- that made: 0 or 1. `changes`: by field, such as {dead = -1, done = 1}. `any`: a key of the queue. `force`: do not wait.
-- A group is one hash, so it takes the same memory however many members it has. One that is gone is left alone. Its
-- key and those of the callback are not among the KEYS: they are known only here, and begin as all of the queue do.
local function settle(any, id, changes, now, force)
  local root, call, NAMES = string.match(any, '^.-}:'), redis.call, {
    'total', 'expected', 'done', 'dead', 'cancelled', 'removed', 'open', 'finished', 'when', 'callback', 'keep'}
  local key, counts = root .. 'group:' .. id, {}
  local found = redis.pcall('HMGET', key, unpack(NAMES))
  if found.err or not found[1] then return 0 end
  for k = 1, 6 do
    local name = NAMES[k]
    counts[name] = (tonumber(found[k] or 0) or 0) + (changes[name] or 0)
    if changes[name] then call('HSET', key, name, string.format('%.0f', counts[name])) end
  end

  local function launch(record)
    local level, tenant, task, meta, delay, payload = string.match(record, '^([chnl])(%S*) ([^\n]+)\n{([^\n]*)\n(%d*)\n(.*)$')
    if not level then return '' end
    local job = 's' .. now .. '-' .. call('HINCRBY', root .. 'meta', 'seq', 1) .. tenant
    local about = '{"i":"' .. job .. '","C":"' .. id .. '"' .. (meta == '}' and '' or ',') .. meta
    call('HSET', root .. 'jobs', job, level .. ' ' .. task .. '\n' .. about .. '\n\n' .. payload)
    call('ZADD', root .. 'due', now + (tonumber(delay) or 0), job)
    return job
  end

  local ended = counts.done + (found[9] == 'ended' and counts.dead + counts.cancelled + counts.removed or 0)
  local whole = not found[7] and counts.total >= counts.expected and ended >= counts.total
  if found[8] or not (whole or force) then return 0 end
  local job, keep = launch(found[10] or ''), tonumber(found[11]) or 86400000
  call('HSET', key, 'finished', now, 'job', job)
  call('PEXPIRE', key, keep)
  call('ZADD', root .. 'groups', now + keep, id)
  local gone = call('ZRANGEBYSCORE', root .. 'groups', '-inf', now, 'LIMIT', 0, 10)
  if #gone > 0 then call('ZREM', root .. 'groups', unpack(gone)) end
  return job == '' and 0 or 1
end
