#!lua flags=allow-oom
-- Ends jobs from which something follows: a group counts them, or the next link of their chain begins. All of it happens
-- in the call that removes the entry, and only where that is still to be removed: a repeat does nothing.
-- KEYS 1-4 streams c h n l | 5 leases | 6 stats | 7 history | 8 moved | 9 tail | 10 events | 11 jobs | 12 due | 13 meta
--      14 wake | 15.. result and lock key of each job
-- ARGV 1 worker | 2 history TTL s | 3 tokens kept | then for each job: counter ("done" or "cancelled"), stream, entry id,
--      job id, result JSON or "", its TTL ms, "1" when it has a lock, buckets of its times ("w12 r40"), its group or "";
--      and the next link: stream or "" (none), task, meta JSON, delay ms, payload
-- Reply: how many were ended, or -1 when the lease is gone (then nothing was done).
--#use streams id_of now tally held waits rouse listener publish locate unfinished settle crowd leave vacate
local stats, history, moved, jobs = KEYS[6], KEYS[7], KEYS[8], KEYS[11]
local delayed = {jobs = jobs, due = KEYS[12], meta = KEYS[13]}
local streams, worker, FIRST, SIZE, call = streams_of(KEYS), ARGV[1], 4, 14, redis.call
if not call('ZSCORE', KEYS[5], worker) then return -1 end
local now, wish = now_ms(), listener(KEYS[9])
local ends, known, groups, ended, seen, enqueued = {}, {}, {}, {}, {}, 0

local function count(sums, name, n) sums[name] = (sums[name] or 0) + n end

for at = FIRST, #ARGV, SIZE do
  local counter, name, entry, _, json, keep = unpack(ARGV, at, at + 5)
  local stream, group, link = streams[name], ARGV[at + 8], ARGV[at + 9]
  if stream and not known[name .. entry] and mine(stream, entry, worker) then
    known[name .. entry] = true
    if link ~= '' then
      follow(streams, {unpack(ARGV, at + 9, at + 13)}, now, delayed)
      enqueued = enqueued + 1
    elseif group ~= '' then
      groups[group] = groups[group] or {}
      count(groups[group], counter, 1)
    end
    if json ~= '' then call('SET', KEYS[15 + 2 * (at - FIRST) / SIZE], json, 'PX', keep) end
    ends[#ends + 1] = at
  end
end
for id, changes in pairs(groups) do enqueued = enqueued + settle(KEYS[5], id, changes, now) end

local minute, rows = history .. ':' .. math.floor(now / 60000), {}
for _, at in ipairs(ends) do
  local counter, name, entry, id = unpack(ARGV, at, at + 3)
  local stream, lock = streams[name], KEYS[16 + 2 * (at - FIRST) / SIZE]
  local body = wish and call('XRANGE', stream, entry, entry)[1]
  local ran = call('XACK', stream, 'w', entry)
  rows[#rows + 1] = name .. ' ' .. entry
  call('XDEL', stream, entry)
  if #name > 1 then leave(crowd_of(KEYS), name, 1, ran) end
  if id ~= id_of(name, entry) and not locate(id, streams, moved) then call('HDEL', moved, id) end
  local locked = ARGV[at + 6] == '1' and call('GET', lock) == id
  if locked and not unfinished(id, streams, jobs, moved) then call('DEL', lock) end
  for bucket in string.gmatch(ARGV[at + 7], '%S+') do call('HINCRBY', minute, bucket, 1) end
  count(ended, counter, 1)
  seen[counter] = seen[counter] or {}
  if body then table.insert(seen[counter], id .. ' ' .. body[2][1]) end
end
if call('HGET', KEYS[13], 'flow') then vacate(crowd_of(KEYS).root, rows, #rows) end
for counter, n in pairs(ended) do
  tally(stats, history, ARGV[2], now, counter, n)
  if wish then publish(wish, KEYS[10], counter, seen[counter], n) end
end
tally(stats, history, ARGV[2], now, 'enqueued', enqueued)
rouse(KEYS[14], ARGV[3], enqueued)
return #ends
