#!lua
-- Keeps a schedule under its name. One whose timetable stays as it is keeps its next time, and so misses none.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV 1 name | 2 hash | 3 record | 4 next time, ms, or "" | 5 what may be there: "nothing", "code" (one that was
--      declared in code), "any", or "absent" (whatever is there stays) | 6 how what is said about it begins while
--      its timetable is the same | 7 "1": paused at birth | 8 most schedules
-- Reply: "created", "changed", "unchanged" (it is there already), "taken" (another one has the name) or "full".
local schedules, times, runs, name = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local call, may = redis.call, ARGV[5]

local old = call('HGET', schedules, name)
if not old then
  if call('HLEN', schedules) >= tonumber(ARGV[8]) then return 'full' end
  call('HSET', schedules, name, ARGV[3])
  if ARGV[7] == '1' then call('HSET', runs, name .. ':paused', '1')
  elseif ARGV[4] ~= '' then call('ZADD', times, ARGV[4], name) end
  return 'created'
end
local about = string.match(old, '^[^\n]*\n[^\n]*\n([^\n]*)') or ''
if string.find(about, '"hash":"' .. ARGV[2] .. '"', 1, true) then return 'unchanged' end
local code = string.find(about, '"code":true', 1, true)
if may == 'absent' then return 'unchanged' end
if may == 'nothing' or (may == 'code' and not code) then return 'taken' end
local same = string.sub(about, 1, #ARGV[6]) == ARGV[6]
call('HSET', schedules, name, ARGV[3])
if call('HEXISTS', runs, name .. ':paused') == 0 and not (same and call('ZSCORE', times, name)) then
  if ARGV[4] == '' then call('ZREM', times, name) else call('ZADD', times, ARGV[4], name) end
end
return 'changed'
