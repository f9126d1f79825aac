#!lua flags=no-writes
-- The schedules whose next time has come, the longest due first; without their payloads.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV 1 most schedules
-- Reply: {server ms, [name, next time ms, about JSON or "", last job id or ""]...}
--#use now
local call, now, rows = redis.call, now_ms(), {}
local found = call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for k = 1, #found, 2 do
  local record = call('HGET', KEYS[1], found[k]) or ''
  local about = string.match(record, '^[^\n]*\n[^\n]*\n([^\n]*)\n') or ''
  rows[#rows + 1] = {found[k], found[k + 1], about, call('HGET', KEYS[3], found[k] .. ':last') or ''}
end
return {now, rows}
