#!lua flags=no-writes,allow-stale
-- The schedules of a queue: their names, or all about those that are named.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV names; none: the names are wanted
-- Reply: {server ms, names} or {server ms, [record or "", next time ms or "", [fired, missed, skipped, paused,
--      latest runs]]...}
--#use now
local call, rows = redis.call, {}
if #ARGV == 0 then return {now_ms(), call('HKEYS', KEYS[1])} end
for k, name in ipairs(ARGV) do
  local about = call('HMGET', KEYS[3], name .. ':fired', name .. ':missed', name .. ':skipped', name .. ':paused',
    name .. ':runs')
  for n = 1, 5 do about[n] = about[n] or '' end
  rows[k] = {call('HGET', KEYS[1], name) or '', call('ZSCORE', KEYS[2], name) or '', about}
end
return {now_ms(), rows}
