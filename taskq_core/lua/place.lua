#!lua flags=no-writes,allow-stale
-- Where a job stands: in whose hands, or behind how many of its own level. A bounded step of counting.
-- KEYS 1-4 streams c h n l | 5 moved | 6 leases | 7 revoked | 8 told
-- ARGV 1 job id | 2 entry id after which to go on counting, or "" | 3 most entries in this step
--      4 the worker that holds it, or "" (its orders are `told`)
-- Reply: {"gone"}; {"held", stream, consumer, ms since it was handed out, deliveries, the consumer's
--      expiry ms or "", 1 when it is revoked, server ms, unread orders, given back before it}; or
--      {"waiting", stream, counted in this step, entry id to go on after or "", given back}.
--#use streams now locate last_delivered
local streams = streams_of(KEYS)
local stream, entry, name = locate(ARGV[1], streams, KEYS[5])
if not stream then return {'gone'} end
local call = redis.call

local function given_back(stop) -- what was given back goes first; a thousand are enough to say so
  local orphans = redis.pcall('XPENDING', stream, 'w', '-', stop, 1000, '-')
  return orphans.err and 0 or #orphans
end

local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
local held = not pending.err and pending[1]
if held then
  local owner = held[2]
  local orders = owner == ARGV[4] and call('LRANGE', KEYS[8], 0, 99) or {}
  return {'held', name, owner, held[3], held[4], call('ZSCORE', KEYS[6], owner) or '',
    call('ZSCORE', KEYS[7], owner) and 1 or 0, now_ms(), orders, given_back('(' .. entry)}
end

local from, counted, orphans = ARGV[2], 0, given_back('+')
if from == '' then from = last_delivered(stream) end
-- entries come with their payloads, so large ones one by one, and no more than 256 KiB in one step
local bytes, chunk = 0, 1
while counted < tonumber(ARGV[3]) and bytes < 262144 do
  local rows = call('XRANGE', stream, '(' .. from, '(' .. entry, 'COUNT', math.min(chunk, ARGV[3] - counted))
  if #rows == 0 then return {'waiting', name, counted, '', orphans} end
  counted, from = counted + #rows, rows[#rows][1]
  for _, row in ipairs(rows) do bytes = bytes + #(row[2][2] or '') + 16 end
  chunk = math.max(1, math.min(100, math.floor(32768 * counted / bytes)))
end
return {'waiting', name, counted, from, orphans}
