#!lua flags=allow-oom
-- Removes waiting jobs; says who runs the others.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 dead:jobs | 9 stats | 10 history
-- ARGV 1 history TTL s | then job ids
-- Reply: for each id {found, worker or ""}: found is "scheduled" or "ready" (removed), "running"
--      (to be told to its worker), "dead" or "" (nothing was done).
--#use now tally locate
local jobs, due, moved, dead_jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local streams = {c = KEYS[1], h = KEYS[2], n = KEYS[3], l = KEYS[4]}
local reply, cancelled, call = {}, 0, redis.call

local function cancel_entry(id, stream, entry)
  local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
  local owner = not pending.err and pending[1] and pending[1][2]
  if owner and owner ~= '-' then return {'running', owner} end
  if owner then call('XACK', stream, 'w', entry) end
  call('XDEL', stream, entry)
  call('HDEL', moved, id)
  return {'ready', ''}
end

for at = 2, #ARGV do
  local id, outcome = ARGV[at], nil
  local stream, entry = locate(id, streams, moved)
  if stream then
    outcome = cancel_entry(id, stream, entry)
  elseif call('HDEL', jobs, id) == 1 then
    call('ZREM', due, id)
    outcome = {'scheduled', ''}
  else
    outcome = {call('HEXISTS', dead_jobs, id) == 1 and 'dead' or '', ''}
  end
  if outcome[1] == 'ready' or outcome[1] == 'scheduled' then cancelled = cancelled + 1 end
  reply[#reply + 1] = outcome
end
tally(KEYS[9], KEYS[10], ARGV[1], now_ms(), 'cancelled', cancelled)
return reply
