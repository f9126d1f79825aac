#!lua flags=allow-oom
-- As `claim`, in a queue with limits or tenants: level by level, what was given back first, then the oldest; of each level
-- first what a limit held that has room again. What has to wait for one is put aside ("~"), and blocks nobody.
-- KEYS 1-4 streams c h n l | 5 leases | 6 meta | 7 due | 8 wake | 9 suspects: who makes room for them
-- ARGV 1 worker | 2 how many | 3 levels in order, e.g. "chnl" | 4 deliveries that make a suspect
--      5 "1" when the worker holds nothing | 6 lease ms | 7 slots that are free | 8 jobs in a tenant's turn
-- Reply: as that of `claim`, but "plain" (no limits or tenants are set: `claim` is enough) in place of "flow"; then ms
--      until jobs that a limit or the length of this call held may be asked for again, -1 where there are none.
--#use now streams allowance parking catch fetch next_look crowd allowed enlist unpark seat ring
local leases, meta, due, wake, call = KEYS[5], KEYS[6], KEYS[7], KEYS[8], redis.call
local worker, want, streams, crowd = ARGV[1], tonumber(ARGV[2]), streams_of(KEYS), crowd_of(KEYS)
local turn = tonumber(ARGV[8]) or 1

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

local at = {root = crowd.root, ms = now, us = us, free = tonumber(ARGV[7]), by_key = tonumber(set[4]) or 1,
  workers = call('ZCARD', leases), streams = streams, worker = ARGV[1], suspect = tonumber(ARGV[4]), alone = ARGV[5] == '1'}
local queue, lot = allowance(at, streams, want), set[3] and parking(at, streams, 200)
local due_gates = lot and call('ZRANGEBYSCORE', crowd.root .. 'opens', '-inf', now, 'LIMIT', 0, 64) or {}
local catch = catching(at, lot)
want = queue.may
for _, tenant in ipairs(call('ZRANGEBYSCORE', crowd.opens, '-inf', now, 'LIMIT', 0, 100)) do
  unpark(crowd, tenant)
end

local function give(name, entry, count) -- one that a limit held; false: something else keeps it now
  local room, spend, _ = 1, nil, nil
  if #name > 1 then room, _, spend = allowed(crowd, string.sub(name, 3), call('HGET', crowd.set, string.sub(name, 3)) or '', us) end
  if room < 1 or count >= at.suspect then
    if #name > 1 then enlist(crowd, name, true) end
    return false
  end
  catch.one(name, entry, count)
  if #name > 1 then seat(crowd, worker, string.sub(name, 1, 1), {name}, 1) end
  if spend then spend(1) end
  return true
end

for level in string.gmatch(ARGV[3], '%l') do
  if want > 0 and #due_gates > 0 and catch.state ~= 'alone' then
    want = want - (catch.orphans(level, want))
  end
  if want > 0 and #due_gates > 0 and catch.state ~= 'alone' then want = want - fetch(lot, due_gates, level, streams, want, give) end
  if want > 0 and catch.state ~= 'alone' then
    local before, taken, names = catch.seated, 0, nil
    taken, names = rotate(crowd, level, want, turn, catch, us)
    want = want - taken
    seat(crowd, worker, level, names, catch.seated - before)
  end
end
if lot then lot.settle() end
queue.settle(queue.may - want)
local again = next_look(at, queue, lot, want, #due_gates)
-- nothing is left that may run now, so tokens for it would only wake workers in vain
if want > 0 and again ~= 0 and catch.state ~= 'alone' then call('DEL', wake) end
if catch.suspects > 0 and call('SET', KEYS[9], worker, 'NX', 'PX', ARGV[6]) then catch.state = 'drain' end
return {catch.state, next_due, catch.batches, catch.seen, catch.gone, again}
