#!lua flags=allow-oom
-- Ends jobs that a worker has done, in batches. A repeat finds nothing to end and counts nothing.
-- KEYS 1-4 streams c h n l | 5 leases (or revoked) | 6 stats | 7 history | 8 moved
--      9 tail | 10 events | 11 jobs | 12.. one pair of result and lock keys for each job with an end of its own
-- ARGV 1 worker | 2 history TTL s | 3 groups | 4 ends | 5 ids in moved | 6 counts
--      groups of: counter, stream, count, entry ids
--      ends: job id, result JSON or "", its TTL ms, "1" when it has a lock
--      ids in moved; then counts for this minute: field, n
-- Reply: how many were ended, or -1 when the lease is gone (then nothing was done).
--#use streams now tally finish youngest listener witness publish locate unfinished crowd leave vacate
local leases, stats, history, moved, jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[11]
local streams = streams_of(KEYS)
local worker, ttl, call, at = ARGV[1], ARGV[2], redis.call, 7
if not call('ZSCORE', leases, worker) then return -1 end

local now, ended = now_ms(), 0
local wish = listener(KEYS[9]) -- somebody follows what ends here
local crowd, rows, left, sums = crowd_of(KEYS), {}, {}, {}
local root = crowd.root
local limited = call('HGET', root .. 'meta', 'flow')
local placed = limited and call('EXISTS', root .. 'places') == 1
for _ = 1, tonumber(ARGV[3]) do
  local counter, name, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local stream = streams[name]
  local first, last = at + 3, at + 2 + count
  local seen = wish and witness(wish, name, stream, ARGV, first, last)
  local n, ran = finish(stream, ARGV, first, last)
  if #name > 1 then left[#left + 1] = {name, n, ran, counter, youngest(ARGV, first, last)} end
  if seen then publish(wish, KEYS[10], counter, seen, n) end
  sums[counter] = (sums[counter] or 0) + n
  for k = first, placed and last or 0 do rows[#rows + 1] = name .. ' ' .. ARGV[k] end
  ended, at = ended + n, last + 1
end
for counter, n in pairs(sums) do tally(stats, history, ttl, now, counter, n) end
if #left > 0 then leave(crowd, left) end
if limited then vacate(root, rows, ended) end
-- after a failover that lost a tail the job may wait again, under another entry: what leads to that stays
local ends, ids = tonumber(ARGV[4]), tonumber(ARGV[5])
for k = at + 4 * ends, at + 4 * ends + ids - 1 do
  if not locate(ARGV[k], streams, moved) then call('HDEL', moved, ARGV[k]) end
end
for k = 1, ends do
  local id, json, keep, locked = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local result, lock = KEYS[10 + 2 * k], KEYS[11 + 2 * k]
  if json ~= '' then call('SET', result, json, 'PX', keep) end
  if locked == '1' and call('GET', lock) == id and not unfinished(id, streams, jobs, moved) then call('DEL', lock) end
  at = at + 4
end
at = at + ids
-- times are counted with the jobs they belong to: a repeat ends nothing and adds nothing
if tonumber(ARGV[6]) > 0 and ended > 0 then
  local minute = history .. ':' .. math.floor(now / 60000)
  for k = at, at + 2 * ARGV[6] - 2, 2 do call('HINCRBY', minute, ARGV[k], ARGV[k + 1]) end
end
return ended
