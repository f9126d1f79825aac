#!lua flags=allow-oom
-- Takes ready jobs in a worker's name: level by level, what was given back first, then the oldest.
-- KEYS 1-4 streams c h n l | 5 leases | 6 meta | 7 due | 8 wake
-- ARGV 1 worker | 2 how many | 3 levels in order, e.g. "chnl"
-- Reply: {state, ms until the next job is due or -1, [level, entries]..., [level, id, deliveries]...}
--      as two lists; state is "ok", "paused", or "lost" (no lease: the worker must register anew).
--      An entry whose job is gone is nil or false and is left out.
--#use now
local leases, meta, due, wake = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local worker, want = ARGV[1], tonumber(ARGV[2])
local streams = {c = KEYS[1], h = KEYS[2], n = KEYS[3], l = KEYS[4]}
local call, pcall = redis.call, redis.pcall

if not call('ZSCORE', leases, worker) then return {'lost', -1, {}, {}} end
local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
local next_due = first and math.max(0, tonumber(first) - now_ms()) or -1
if call('HGET', meta, 'paused') then
  call('DEL', wake) -- tokens would only wake workers in vain
  return {'paused', next_due, {}, {}}
end

local batches, seen = {}, {}

local function take(level, entries)
  if #entries > 0 then batches[#batches + 1] = {level, entries} end
  want = want - #entries
end

local function orphans(level, stream)
  local pending = pcall('XPENDING', stream, 'w', '-', '+', want, '-')
  if pending.err then -- the group is missing: the stream was deleted, or a producer made it
    call('XGROUP', 'CREATE', stream, 'w', '0', 'MKSTREAM')
    return
  end
  if #pending == 0 then return end
  local ids = {}
  for k, entry in ipairs(pending) do
    ids[k] = entry[1]
    seen[#seen + 1] = {level, entry[1], entry[4]}
  end
  take(level, call('XCLAIM', stream, 'w', worker, 0, unpack(ids)))
end

for level in string.gmatch(ARGV[3], '%l') do
  if want > 0 then orphans(level, streams[level]) end
  if want > 0 then
    local found = call('XREADGROUP', 'GROUP', 'w', worker, 'COUNT', want, 'STREAMS', streams[level], '>')
    if found then take(level, found[1][2]) end
  end
end
-- nothing is left, so tokens for it would only wake workers in vain
if want > 0 then call('DEL', wake) end
return {'ok', next_due, batches, seen}
