#!lua flags=no-writes,allow-stale
-- The limits of a queue as they stand: what runs under each and what it holds; of all, or of those of one job.
-- KEYS 1-4 streams c h n l | 5 meta | 6 places | 7 running | 8 opens | 9 tat | 10 moved
-- ARGV 1 a job's id, or "" | 2 most gates
-- Reply: {server ms, server µs, held in all, running in all, [gate, rate or "", most or "", running, held, ms of the next
--      look or "", time by its rate, µs, or "", a job that runs under it or ""]...}; gates: "q", "t:<task>", "k:<key>"
--#use streams waits now id_of key_of locate
local call, meta, running, opens, tat, streams = redis.call, KEYS[5], KEYS[7], KEYS[8], KEYS[9], streams_of(KEYS)
local root, rows, seen, most = string.match(KEYS[1], '^.*:'), {}, {}, tonumber(ARGV[2])

local function running_at(gate) -- one of them, where they are few
  if call('HLEN', KEYS[6]) > 1000 then return '' end
  local places = call('HGETALL', KEYS[6])
  for k = 1, #places, 2 do
    if string.find(' ' .. places[k + 1] .. ' ', ' ' .. gate .. ' ', 1, true) then
      local name, entry = string.match(places[k], '^(%S+) (%S+)$')
      local body = call('XRANGE', streams[name], entry, entry)[1]
      local id = body and body[2][3] == '@' and string.match(body[2][4], '[{,]"i":"([^"]+)"')
      return id or id_of(name, entry)
    end
  end
  return ''
end

local function add(gate, rate, limit, n)
  if seen[gate] or #rows >= most then return end
  seen[gate] = true
  rows[#rows + 1] = {gate, rate or '', limit or '', n or tonumber(call('HGET', running, gate) or 0),
    call('ZCARD', root .. 'held:' .. gate), call('ZSCORE', opens, gate) or '', rate and call('HGET', tat, gate) or '',
    ARGV[1] ~= '' and gate ~= 'q' and running_at(gate) or ''}
end

local function of_task(task, key)
  local set = call('HMGET', meta, 'rate:' .. task, 'max_running:' .. task, 'key_max_running:' .. task, 'key_max_running')
  if set[1] or set[2] then add('t:' .. task, set[1], set[2]) end
  if key then add('k:' .. key, nil, set[3] or set[4] or '1') end
end

local held, all = 0, 0
for level in string.gmatch('chnl', '%l') do
  local pending = redis.pcall('XPENDING', streams[level], 'w')
  for _, consumer in ipairs(pending.err and {} or pending[4] or {}) do
    if consumer[1] == '~' then held = held + consumer[2] elseif not waits(consumer[1]) then all = all + consumer[2] end
  end
end
for _, n in ipairs(call('HMGET', root .. 'tenants:sums', 'C', 'H', 'N', 'L')) do all = all + (tonumber(n) or 0) end

local set = call('HMGET', meta, 'rate', 'max_running')
if set[1] or set[2] then add('q', set[1], set[2], all) end
if ARGV[1] ~= '' then
  local stream, entry = locate(ARGV[1], streams, KEYS[10])
  local body = stream and call('XRANGE', stream, entry, entry)[1]
  if body then of_task(body[2][1], key_of(body[2])) end
else
  local said = call('HGETALL', meta)
  for k = 1, #said, 2 do
    local task = string.match(said[k], '^rate:(.+)$') or string.match(said[k], '^max_running:(.+)$')
    if task then of_task(task) end
  end
  for _, gate in ipairs(call('ZRANGE', opens, 0, most - 1)) do
    local by_key = string.sub(gate, 1, 2) == 'k:' and (call('HGET', meta, 'key_max_running') or '1')
    if gate ~= 'q' then add(gate, nil, by_key) end
  end
end
local time = call('TIME')
return {now_ms(), string.format('%.0f', time[1] * 1000000 + time[2]), held, all, rows}
