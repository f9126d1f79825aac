#!lua flags=no-writes,allow-stale
-- The state of one queue in one look: its cost grows with workers and minutes, never with jobs.
-- KEYS 1-4 streams c h n l | 5 due | 6 dead | 7 leases | 8 meta | 9 stats | 10 history
--      11 next times of the schedules
-- ARGV 1 minutes of history | 2 earlier minutes of which only the counts are wanted
-- Reply: {server ms, [length, pending, orphans, oldest waiting entry id or ""] of each level, due count,
--      ms the next is due or "", dead count, workers, meta flat, totals flat, [minute ms, flat]...,
--      {schedules that are not paused, the next time of one, ms, or "", leases that have run out}}
--#use waits behind now
local due, dead, leases, meta, stats, history = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local call, levels, minutes = redis.call, {}, {}

local function oldest(stream, last, orphans)
  local first = call('XRANGE', stream, '(' .. last, '+', 'COUNT', 1)[1]
  local id = first and first[1] or ''
  if orphans == 0 then return id end
  -- what was given back, or is held by a limit, was delivered before, so it is older than what never was
  for owner in string.gmatch('~-', '.') do
    local orphan = call('XPENDING', stream, 'w', '-', '+', 1, owner)[1]
    if orphan and (id == '' or behind(id, orphan[1])) then id = orphan[1] end
  end
  return id
end

for level = 1, 4 do
  local stream = KEYS[level]
  local length, pending, orphans, last = call('XLEN', stream), 0, 0, '0-0'
  local groups = length > 0 and redis.pcall('XINFO', 'GROUPS', stream) or {}
  for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'w' then
      local summary = call('XPENDING', stream, 'w')
      pending, last = summary[1], group[8]
      for _, consumer in ipairs(summary[4] or {}) do
        if waits(consumer[1]) then orphans = orphans + consumer[2] end
      end
    end
  end
  levels[level] = {length, pending, orphans, length > 0 and oldest(stream, last, orphans) or ''}
end

local now = now_ms()
local minute = math.floor(now / 60000)
for k = 0, tonumber(ARGV[1]) - 1 do
  local counts = call('HGETALL', history .. ':' .. (minute - k))
  if #counts > 0 then minutes[#minutes + 1] = {(minute - k) * 60000, counts} end
end
local names = {'enqueued', 'done', 'failed', 'retried', 'dead', 'cancelled'}
for k = tonumber(ARGV[1]), ARGV[1] + ARGV[2] - 1 do
  local found, counts = call('HMGET', history .. ':' .. (minute - k), unpack(names)), {}
  for at, name in ipairs(names) do
    if found[at] then counts[#counts + 1], counts[#counts + 2] = name, found[at] end
  end
  if #counts > 0 then minutes[#minutes + 1] = {(minute - k) * 60000, counts} end
end
local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or ''
return {now, levels, call('ZCARD', due), first, call('ZCARD', dead), call('ZCOUNT', leases, now, '+inf'),
  call('HGETALL', meta), call('HGETALL', stats), minutes,
  {call('ZCARD', KEYS[11]), call('ZRANGE', KEYS[11], 0, 0, 'WITHSCORES')[2] or '',
    call('ZCOUNT', leases, '-inf', '(' .. now)}}
