#!lua
-- Enqueues the job of one time of a schedule and moves the schedule on, only while its next time is the one that
-- the caller saw: however many workers fire, and however often one repeats itself, there is one job for a time.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 meta | 10 stats | 11 history
--      12 schedules | 13 their next times | 14 their runs
-- ARGV 1 name | 2 hash of what the caller saw | 3 the next time it saw, ms | 4 time to be fired, ms, or ""
--      5 not to run before, ms | 6 next time, ms, or "" (it has ended) | 7 times that were missed | 8 "skip" while
--      the last job is not over, or "" | 9 history TTL s | 10 tokens kept | 11 runs kept
-- Reply: {state, job id or ""}: "fired", "skipped", "missed" (only moved on), or "passed": it was not, or is no
--      longer, as the caller saw it; then nothing was done. Errors: QUEUEFULL, TENANTFULL, DRAINING; the same.
--#use streams now tally rouse unfinished launch note
local jobs, due, moved, wake, meta = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local stats, history, schedules, times, runs = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local streams = streams_of(KEYS)
local name, fires, missed, call, now = ARGV[1], ARGV[4] ~= '', tonumber(ARGV[7]), redis.call, now_ms()

local record = call('HGET', schedules, name)
local about = record and string.match(record, '^[^\n]*\n[^\n]*\n([^\n]*)\n')
local seen = about and string.find(about, '"hash":"' .. ARGV[2] .. '"', 1, true)
if not seen or call('ZSCORE', times, name) ~= ARGV[3] then return {'passed', ''} end
local last = call('HGET', runs, name .. ':last')
local state, id, wakes, refused = 'missed', '', false, nil
if fires and ARGV[8] == 'skip' and unfinished(last, streams, jobs, moved) then
  state = 'skipped'
elseif fires then
  id, wakes, refused = launch(name, record, ARGV[4], tonumber(ARGV[5]), now,
    {streams = streams, jobs = jobs, due = due, meta = meta})
  if refused then return refused end
  if not id then return {'passed', ''} end
  state = 'fired'
  call('HSET', runs, name .. ':last', id)
end

if ARGV[6] == '' then call('ZREM', times, name) else call('ZADD', times, ARGV[6], name) end
if missed > 0 then call('HINCRBY', runs, name .. ':missed', missed) end
tally(stats, history, ARGV[9], now, 'missed', missed)
if fires then
  call('HINCRBY', runs, name .. ':' .. state, 1)
  note(runs, name, ARGV[11], {ARGV[4], now, state, id})
  tally(stats, history, ARGV[9], now, state, 1)
end
if state == 'fired' then
  tally(stats, history, ARGV[9], now, 'enqueued', 1)
  rouse(wake, ARGV[10], wakes and 1 or 0)
end
return {state, id}
