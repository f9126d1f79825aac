#!lua flags=no-writes,allow-stale
-- The state of one queue in one look: its cost grows with workers and minutes, never with jobs.
-- KEYS 1-4 streams c h n l | 5 due | 6 dead | 7 leases | 8 meta | 9 stats | 10 history
--      11 next times of the schedules | 12 groups
-- ARGV 1 minutes of history | 2 earlier minutes of which only the counts are wanted
-- Reply: {server ms, [length, pending, orphans, oldest waiting entry id or ""] of each level, due count,
--      ms the next is due or "", dead count, workers, meta flat, totals flat, [minute ms, flat]...,
--      {schedules that are not paused, the next time of one, ms, or "", leases that have run out,
--      tenants, jobs that limits of tasks and keys hold, groups that have not ended, jobs that limits and pauses of
--      tenants hold}}: what tenants have is in the levels, and the oldest of those of the twenty whose turn is next
--#use behind now crowd stand barred
local due, dead, leases, meta, stats, history = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local call, levels, minutes, held = redis.call, {}, {}, 0

local crowd = crowd_of(KEYS)
local tenants = call('ZCARD', crowd.all)
for k, level in ipairs({'c', 'h', 'n', 'l'}) do
  local found, kept = stand(KEYS[k])
  held = held + kept
  if tenants > 0 then
    local sums = call('HMGET', crowd.sums, level, string.upper(level))
    found[1], found[2] = found[1] + (sums[1] or 0), found[2] + (sums[2] or 0)
    -- the oldest job of those whose turn comes next: who was served last comes last
    for _, tenant in ipairs(call('LRANGE', crowd.lists .. level, 0, 19)) do
      local first = tenant ~= '' and stand(crowd.root .. level .. '@' .. tenant)[4] or ''
      if first ~= '' and (found[4] == '' or behind(found[4], first)) then found[4] = first end
    end
  end
  levels[k] = found
end

local by_tenants = 0
if tenants > 0 then
  local time, gated = call('TIME'), 0
  local us, add = time[1] * 1000000 + time[2], function(_, _, _, _, n) by_tenants = by_tenants + n end
  local each = barred(crowd, us, 300, add)
  by_tenants = each * by_tenants
  for _, gate in ipairs(call('ZRANGE', crowd.root .. 'opens', 0, 99)) do -- those of tenants too
    gated = gated + call('ZCARD', crowd.root .. 'held:' .. gate)
  end
  held = math.max(held, gated)
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
return {now, levels, call('ZCARD', due), call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or '', call('ZCARD', dead),
  call('ZCOUNT', leases, now, '+inf'), call('HGETALL', meta), call('HGETALL', stats), minutes,
  {call('ZCARD', KEYS[11]), call('ZRANGE', KEYS[11], 0, 0, 'WITHSCORES')[2] or '',
    call('ZCOUNT', leases, '-inf', '(' .. now), tenants, held, call('ZCOUNT', KEYS[12], '+inf', '+inf'),
    math.floor(by_tenants + 0.5)}}
