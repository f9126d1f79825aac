#!lua flags=allow-oom
-- Takes ready jobs in a worker's name: level by level, what was given back first, then the oldest.
-- A job that crashed workers before is a suspect: it runs alone, so that a crash has one culprit.
-- KEYS 1-4 streams c h n l | 5 leases | 6 meta | 7 due | 8 wake | 9 suspects: who makes room for them
-- ARGV 1 worker | 2 how many | 3 levels in order, e.g. "chnl" | 4 deliveries that make a suspect
--      5 "1" when the worker holds nothing | 6 lease ms
-- Reply: {state, ms until the next job is due or -1, [level, entries]..., [level, id, deliveries]..., levels} as
--      two lists; levels are those whose stream had been deleted, and was made anew; state is "ok", "alone" (one
--      suspect: claim nothing beside it), "drain" (claim again when nothing is held: suspects wait), "paused",
--      "flow" (limits or tenants are set: `claim_flow` knows them), or "lost" (no lease: register anew).
--#use now
local leases, meta, due, wake = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local worker, want = ARGV[1], tonumber(ARGV[2])
local streams = {c = KEYS[1], h = KEYS[2], n = KEYS[3], l = KEYS[4]}
local call, pcall = redis.call, redis.pcall

if not call('ZSCORE', leases, worker) then return {'lost', -1, {}, {}, ''} end
local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
local next_due = first and math.max(0, tonumber(first) - now_ms()) or -1
local set = call('HMGET', meta, 'paused', 'flow')
if set[1] then
  call('DEL', wake) -- tokens would only wake workers in vain
  return {'paused', next_due, {}, {}, ''}
end
if set[2] then return {'flow', next_due, {}, {}, ''} end

local batches, seen, suspects, state, gone = {}, {}, 0, 'ok', ''

local function take(level, entries)
  if #entries > 0 then batches[#batches + 1] = {level, entries} end
  want = want - #entries
end

local function orphans(level, stream)
  local pending = pcall('XPENDING', stream, 'w', '-', '+', want + 100, '-')
  if pending.err then -- the group is missing: the stream was deleted, or a producer made it
    call('XGROUP', 'CREATE', stream, 'w', '0', 'MKSTREAM')
    gone = gone .. level
    return
  end
  local ids = {}
  for _, entry in ipairs(pending) do
    local suspect = entry[4] >= tonumber(ARGV[4])
    if suspect and ARGV[5] == '1' and #ids + #batches == 0 then state = 'alone' end
    if suspect and state ~= 'alone' then
      suspects = suspects + 1
    elseif #ids < want then
      ids[#ids + 1] = entry[1]
      seen[#seen + 1] = {level, entry[1], entry[4]}
    end
    if state == 'alone' then break end
  end
  if #ids > 0 then take(level, call('XCLAIM', stream, 'w', worker, 0, unpack(ids))) end
end

for level in string.gmatch(ARGV[3], '%l') do
  if want > 0 and state ~= 'alone' then orphans(level, streams[level]) end
  if want > 0 and state ~= 'alone' then
    local found = call('XREADGROUP', 'GROUP', 'w', worker, 'COUNT', want, 'STREAMS', streams[level], '>')
    if found then take(level, found[1][2]) end
  end
end
-- nothing is left, so tokens for it would only wake workers in vain
if want > 0 and state ~= 'alone' then call('DEL', wake) end
if suspects > 0 and call('SET', KEYS[9], worker, 'NX', 'PX', ARGV[6]) then state = 'drain' end
return {state, next_due, batches, seen, gone}
