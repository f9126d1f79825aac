#!lua flags=allow-oom
-- Ends jobs from which something follows: a group counts them, or the next link of their chain begins. All of it happens
-- in the call that removes the entry, and only where that is still to be removed: a repeat does nothing.
-- KEYS 1-4 streams c h n l | 5 leases | 6 stats | 7 history | 8 moved | 9 tail | 10 events | 11 jobs | 12 due | 13 meta
--      14 wake | 15.. result and lock key of each job
-- ARGV 1 worker | 2 history TTL s | 3 tokens kept | then for each job: counter ("done" or "cancelled"), stream, entry id,
--      job id, result JSON or "", its TTL ms, "1" when it has a lock, buckets of its times ("w12 r40"), its group or "";
--      and the next link: stream or "" (none), task, meta JSON, delay ms, payload
-- Reply: how many were ended, or -1 when the lease is gone (then nothing was done).
--#use streams id_of now tally holdings mine follow settle witness finish youngest rouse listener publish locate unfinished crowd leave vacate
local leases, stats, history, moved, jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[11]
local delayed = {jobs = jobs, due = KEYS[12], meta = KEYS[13]}
local streams, worker, FIRST, SIZE, call = streams_of(KEYS), ARGV[1], 4, 14, redis.call
if not call('ZSCORE', leases, worker) then return -1 end
local now, wish, enqueued = now_ms(), listener(KEYS[9]), 0
local ends, known, groups, times, batches, spans = {}, {}, {}, {}, {}, {}

local function count(sums, name, n) sums[name] = (sums[name] or 0) + n end

-- what the worker has is asked for a stream at once: entries mostly come in their order
for at = FIRST, #ARGV, SIZE do
  local span = spans[ARGV[at + 1]] or {first = ARGV[at + 2], n = 0}
  span.last, span.n, spans[ARGV[at + 1]] = ARGV[at + 2], span.n + 1, span
end
for name, span in pairs(spans) do
  span.has = streams[name] and holdings(streams[name], span.first, span.last, 2 * span.n + 20, worker)
end

for at = FIRST, #ARGV, SIZE do
  local counter, name, entry, _, json, keep = unpack(ARGV, at, at + 5)
  local stream, group, link = streams[name], ARGV[at + 8], ARGV[at + 9]
  if stream and not known[name .. entry] and (spans[name].has[entry] or mine(stream, entry, worker)) then
    known[name .. entry] = true
    if link ~= '' then
      follow(streams, {unpack(ARGV, at + 9, at + 13)}, now, delayed)
      enqueued = enqueued + 1
    elseif group ~= '' then
      groups[group] = groups[group] or {}
      count(groups[group], counter, 1)
    end
    if json ~= '' then call('SET', KEYS[15 + 2 * (at - FIRST) / SIZE], json, 'PX', keep) end
    for bucket in string.gmatch(ARGV[at + 7], '%S+') do count(times, bucket, 1) end
    local batch = batches[name .. counter] or {name = name, counter = counter}
    batch[#batch + 1], batches[name .. counter], ends[#ends + 1] = entry, batch, at
  end
end
for id, changes in pairs(groups) do enqueued = enqueued + settle(leases, id, changes, now) end

local rows, crowd = {}, crowd_of(KEYS)
for _, batch in pairs(batches) do
  local name, stream = batch.name, streams[batch.name]
  local seen = wish and witness(wish, name, stream, batch, 1, #batch)
  local n, ran = finish(stream, batch, 1, #batch)
  if #name > 1 then leave(crowd, {{name, n, ran, batch.counter, youngest(batch, 1, #batch)}}) end
  if seen then publish(wish, KEYS[10], batch.counter, seen, n) end
  tally(stats, history, ARGV[2], now, batch.counter, n)
  for _, entry in ipairs(batch) do rows[#rows + 1] = name .. ' ' .. entry end
end
if call('HGET', KEYS[13], 'flow') then vacate(crowd.root, rows, #rows) end
for _, at in ipairs(ends) do -- what leads to a job that waits again, under another entry, stays: see ack
  local name, entry, id = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local lock = ARGV[at + 6] == '1' and KEYS[16 + 2 * (at - FIRST) / SIZE]
  if id ~= id_of(name, entry) and not locate(id, streams, moved) then call('HDEL', moved, id) end
  if lock and call('GET', lock) == id and not unfinished(id, streams, jobs, moved) then call('DEL', lock) end
end
for bucket, n in pairs(times) do call('HINCRBY', history .. ':' .. math.floor(now / 60000), bucket, n) end
tally(stats, history, ARGV[2], now, 'enqueued', enqueued)
rouse(KEYS[14], ARGV[3], enqueued)
return #ends
