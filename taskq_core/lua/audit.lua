#!lua flags=no-writes,allow-stale
-- What does not add up in a queue: a bounded look, for `taskq doctor`.
-- KEYS 1-4 streams c h n l | 5 leases | 6 revoked | 7 due | 8 jobs | 9 dead | 10 dead:jobs
-- ARGV 1 most index entries that are compared with their records
-- Reply: {server ms, due count, jobs count, dead count, dead:jobs count, due without a job among those
--      looked at, dead without a record, [consumer, entries] flat: holders that are neither live nor being
--      taken over, [worker, expiry ms] flat: leases that ran out, entries delivered of each level}.
--#use waits now
local call, leases, revoked = redis.call, KEYS[5], KEYS[6]

local function without(index, records)
  local ids, missing = call('ZRANGE', index, 0, ARGV[1] - 1), 0
  for _, id in ipairs(ids) do missing = missing + 1 - call('HEXISTS', records, id) end
  return missing
end

local strays, delivered = {}, {}
for level = 1, 4 do
  delivered[level] = ''
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[level])
  for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'w' then delivered[level] = group[8] end
  end
  local summary = delivered[level] ~= '' and call('XPENDING', KEYS[level], 'w')[4] or {}
  for _, consumer in ipairs(summary or {}) do
    local name = consumer[1]
    if not waits(name) and not call('ZSCORE', leases, name) and not call('ZSCORE', revoked, name) then
      strays[#strays + 1], strays[#strays + 2] = name, consumer[2]
    end
  end
end
local now = now_ms()
return {now, call('ZCARD', KEYS[7]), call('HLEN', KEYS[8]), call('ZCARD', KEYS[9]), call('HLEN', KEYS[10]),
  without(KEYS[7], KEYS[8]), without(KEYS[9], KEYS[10]), strays,
  call('ZRANGEBYSCORE', leases, '-inf', '(' .. now, 'WITHSCORES'), delivered}
