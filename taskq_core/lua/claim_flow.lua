#!lua flags=allow-oom
-- As `claim`, in a queue with limits or tenants: level by level, what was given back first, then the oldest; of each level
-- first what a limit held that has room again. What has to wait for one is put aside ("~"), and blocks nobody.
-- KEYS 1-4 streams c h n l | 5 leases | 6 meta | 7 due | 8 wake | 9 suspects: who makes room for them
-- ARGV 1 worker | 2 how many | 3 levels in order, e.g. "chnl" | 4 deliveries that make a suspect
--      5 "1" when the worker holds nothing | 6 lease ms | 7 slots that are free
-- Reply: as that of `claim`, but "plain" (no limits or tenants are set: `claim` is enough) in place of "flow"; then ms
--      until jobs that a limit or the length of this call held may be asked for again, -1 where there are none.
--#use now streams held rouse gcra allowance gates parking fetch next_look crowd allowed enlist unpark serve ring
local leases, meta, due, wake, call, pcall = KEYS[5], KEYS[6], KEYS[7], KEYS[8], redis.call, redis.pcall
local worker, want, streams, crowd = ARGV[1], tonumber(ARGV[2]), streams_of(KEYS), crowd_of(KEYS)

if not call('ZSCORE', leases, worker) then return {'lost', -1, {}, {}, '', -1} end
local time, first = call('TIME'), call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
local us, now = time[1] * 1000000 + time[2], now_ms()
local next_due = first and math.max(0, tonumber(first) - now) or -1
local set = call('HMGET', meta, 'paused', 'flow', 'gates', 'key_max_running')
if set[1] then
  call('DEL', wake) -- tokens would only wake workers in vain
  return {'paused', next_due, {}, {}, '', -1}
end
if not set[2] then return {'plain', next_due, {}, {}, '', -1} end

local batches, seen, suspects, state, gone, seated = {}, {}, 0, 'ok', '', 0
local at = {root = crowd.root, ms = now, us = us, free = tonumber(ARGV[7]), by_key = tonumber(set[4]) or 1,
  workers = call('ZCARD', leases)}
local queue, lot = allowance(at, streams, want), set[3] and parking(at, streams, 200)
local due_gates = lot and call('ZRANGEBYSCORE', crowd.root .. 'opens', '-inf', now, 'LIMIT', 0, 64) or {}
want = queue.may

local function hand(name, entries, counts)
  if lot then entries = lot.sift(name, entries, counts) end
  for _, entry in ipairs(counts and entries or {}) do
    if counts[entry[1]] > 0 then seen[#seen + 1] = {name, entry[1], counts[entry[1]]} end
  end
  if #entries > 0 then batches[#batches + 1] = {name, entries} end
  if #name > 1 then seated = seated + #entries end
  return #entries
end

local function orphans(name, stream, most) -- how many, and whether none are left
  local pending, ids, counts, left = pcall('XPENDING', stream, 'w', '-', '+', most + 100, '-'), {}, {}, 0
  if pending.err then -- the group is missing: the stream was deleted, or a producer made it
    if #name > 1 and call('EXISTS', stream) == 0 then return 0, true end
    call('XGROUP', 'CREATE', stream, 'w', '0', 'MKSTREAM')
    if #name == 1 then gone = gone .. name end
    return 0, true
  end
  for _, entry in ipairs(pending) do
    local suspect = entry[4] >= tonumber(ARGV[4])
    local body = suspect and lot and call('XRANGE', stream, entry[1], entry[1])[1]
    local shut = body and lot.shut(name, entry[1], body[2])
    if suspect and not shut and ARGV[5] == '1' and #ids + #batches == 0 then state = 'alone' end
    if suspect and state ~= 'alone' or #ids >= most then
      suspects, left = suspects + ((suspect and not shut) and 1 or 0), left + 1
    else
      ids[#ids + 1], counts[entry[1]] = entry[1], entry[4]
    end
    if state == 'alone' then break end
  end
  if #ids == 0 then return 0, left == 0 end
  return hand(name, call('XCLAIM', stream, 'w', worker, 0, unpack(ids)), counts), left == 0
end

-- Takes up to `most` jobs of one stream. Returns how many, what is left there ("more", "none", "other": nothing for this
-- worker, "stop": no more in this call), and whether nothing given back is left.
local function draw(name, most, given_back)
  local got, clean, stream = 0, true, streams[name]
  if given_back then got, clean = orphans(name, stream, most) end
  while got < most and state ~= 'alone' do
    if lot and not lot.open(name, stream) then return got, 'other', clean end
    local ask = lot and math.min(most - got, lot.left) or most - got
    local found = pcall('XREADGROUP', 'GROUP', 'w', worker, 'COUNT', ask, 'STREAMS', stream, '>')
    local entries = found and not found.err and found[1][2] or {}
    got = got + hand(name, entries)
    if #entries < ask then return got, clean and 'none' or 'other', clean end
    if lot and lot.left <= 0 then return got, 'stop', clean end
  end
  return got, state == 'alone' and 'stop' or 'more', clean
end

local function give(name, entry, count) -- one that a limit held; false: something else keeps it now
  local room, spend, _ = 1, nil, nil
  if #name > 1 then room, _, spend = allowed(crowd, string.sub(name, 3), call('HGET', crowd.set, string.sub(name, 3)) or '', us) end
  if room < 1 or count >= tonumber(ARGV[4]) then
    if #name > 1 then enlist(crowd, name, true) end
    return false
  end
  batches[#batches + 1] = {name, call('XCLAIM', streams[name], 'w', worker, 0, entry)}
  if count > 0 then seen[#seen + 1] = {name, entry, count} end
  if #name > 1 then seat(crowd, worker, string.sub(name, 1, 1), {name}, 1) end
  if spend then spend(1) end
  return true
end

for level in string.gmatch(ARGV[3], '%l') do
  if want > 0 and #due_gates > 0 then want = want - fetch(lot, due_gates, level, streams, want, give) end
  if want > 0 and state ~= 'alone' then
    local before, taken, names = seated, 0, nil
    taken, names = rotate(crowd, level, want, draw, us)
    want = want - taken
    seat(crowd, worker, level, names, seated - before)
  end
end
if lot then lot.settle() end
queue.settle(queue.may - want)
local again = next_look(at, queue, lot, want, #due_gates)
-- nothing is left that may run now, so tokens for it would only wake workers in vain
if want > 0 and again ~= 0 and state ~= 'alone' then call('DEL', wake) end
if suspects > 0 and call('SET', KEYS[9], worker, 'NX', 'PX', ARGV[6]) then state = 'drain' end
return {state, next_due, batches, seen, gone, again}
