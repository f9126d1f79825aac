#!lua flags=allow-oom
-- Removes waiting jobs, and keeps their outcome where they ask for it; says who runs the others.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 dead:jobs | 9 stats | 10 history
--      11 tail | 12 events | 13.. result of each job
-- ARGV 1 history TTL s | 2 outcome, JSON | then job ids
-- Reply: for each id {found, worker or ""}: found is "scheduled" or "ready" (removed), "running"
--      (to be told to its worker), "dead" or "" (nothing was done).
--#use streams waits owner_of now tally locate remember listener publish account crowd leave lift
local jobs, due, moved, dead_jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local streams = streams_of(KEYS)
local reply, seen, launched, now, call = {}, {}, 0, now_ms(), redis.call

local function cancel_entry(id, stream, entry, name, result)
  local owner = owner_of(stream, entry)
  if owner and not waits(owner) then return {'running', owner} end
  local fields = call('XRANGE', stream, entry, entry)[1][2]
  if fields[3] == '@' then
    remember(result, fields[4], ARGV[2])
    launched = launched + account(jobs, fields[4], {cancelled = 1}, now)
  end
  if owner then call('XACK', stream, 'w', entry) end
  call('XDEL', stream, entry)
  if owner == '~' then lift(string.match(stream, '^.-}:'), name, entry, fields) end
  if #name > 1 then leave(crowd_of(KEYS), {{name, 1, 0}}) end
  call('HDEL', moved, id)
  seen[#seen + 1] = id .. ' ' .. fields[1]
  return {'ready', ''}
end

for at = 3, #ARGV do
  local id, result, outcome = ARGV[at], KEYS[10 + at], nil
  local stream, entry, name = locate(id, streams, moved)
  local record = not stream and call('HGET', jobs, id)
  if stream then
    outcome = cancel_entry(id, stream, entry, name, result)
  elseif record then
    remember(result, string.match(record, '^[^\n]*\n([^\n]*)') or '', ARGV[2])
    launched = launched + account(jobs, record, {cancelled = 1}, now)
    call('HDEL', jobs, id)
    call('ZREM', due, id)
    seen[#seen + 1] = id .. ' ' .. (string.match(record, '^%l ([^\n]*)') or '')
    outcome = {'scheduled', ''}
  else
    outcome = {call('HEXISTS', dead_jobs, id) == 1 and 'dead' or '', ''}
  end
  reply[#reply + 1] = outcome
end
tally(KEYS[9], KEYS[10], ARGV[1], now, 'cancelled', #seen)
tally(KEYS[9], KEYS[10], ARGV[1], now, 'enqueued', launched)
local wish = listener(KEYS[11]) -- somebody follows what ends here
if wish then publish(wish, KEYS[12], 'cancelled', seen, #seen) end
return reply
