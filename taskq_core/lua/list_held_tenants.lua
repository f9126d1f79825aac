#!lua flags=no-writes,allow-stale
-- The tenants of a queue of whose ready jobs some may not start now, for they are paused, or at a limit of their own.
-- KEYS 1 tenants:set
-- ARGV 1 most that are told: those that hold most | 2 most that are looked at
-- Reply: {paused tenants, jobs that they hold, tenants at a limit, jobs that they hold, [name, what is set, ready, running,
--      held]...}; the counts are estimates where more tenants have settings than were looked at.
--#use crowd barred
local time, counts, rows = redis.call('TIME'), {paused = {0, 0}, limited = {0, 0}}, {}
local us, most = time[1] * 1000000 + time[2], tonumber(ARGV[2])
local each = barred(crowd_of(KEYS), us, most, function(tenant, set, ready, running, held)
  local one = counts[string.find(set, '^%d+ %d+ %d+ 1') and 'paused' or 'limited']
  one[1], one[2] = one[1] + 1, one[2] + held
  rows[#rows + 1] = {tenant, set, ready, running, held}
end)
table.sort(rows, function(a, b)
  if a[5] ~= b[5] then return a[5] > b[5] end
  return a[1] < b[1]
end)
local reply = {}
for _, kind in ipairs({'paused', 'limited'}) do
  for _, n in ipairs(counts[kind]) do reply[#reply + 1] = math.floor(n * each + 0.5) end
end
reply[5] = {unpack(rows, 1, math.min(#rows, tonumber(ARGV[1])))}
return reply
