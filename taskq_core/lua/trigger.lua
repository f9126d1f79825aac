#!lua
-- Enqueues the job of a schedule now, once for each token; its timetable goes on as if nothing had been.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 meta | 10 stats | 11 history
--      12 schedules | 13 their runs
-- ARGV 1 name | 2 token of this call | 3 "skip" while the last job is not over, or "" | 4 history TTL s
--      5 tokens kept | 6 runs kept
-- Reply: {state, job id}: "triggered", "running" (the last job is not over; its id) or "" (no such schedule).
--      Errors: QUEUEFULL, TENANTFULL, DRAINING; then nothing was done.
--#use streams now tally rouse unfinished launch note
local jobs, due, moved, wake, meta = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local stats, history, schedules, runs = KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local streams = streams_of(KEYS)
local name, call, now = ARGV[1], redis.call, now_ms()

local record = call('HGET', schedules, name)
if not record then return {'', ''} end
local before = call('HGET', runs, name .. ':token') or ''
if string.match(before, '^%S+') == ARGV[2] then return {'triggered', string.match(before, '%S+$')} end
local last = call('HGET', runs, name .. ':last')
if ARGV[3] == 'skip' and unfinished(last, streams, jobs, moved) then return {'running', last} end
local id, _, refused = launch(name, record, now, now, now, {streams = streams, jobs = jobs, due = due, meta = meta})
if refused then return refused end
if not id then return {'', ''} end
call('HSET', runs, name .. ':last', id, name .. ':token', ARGV[2] .. ' ' .. id)
note(runs, name, ARGV[6], {now, now, 'triggered', id})
tally(stats, history, ARGV[4], now, 'enqueued', 1)
rouse(wake, ARGV[5], 1)
return {'triggered', id}
