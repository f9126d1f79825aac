#!lua flags=allow-oom
-- Puts right what limits and tenants count, a bounded step at a time: after a key was deleted or evicted, or a failover lost
-- a tail. Where there are none any more, and no job with a concurrency key, claims are told not to look for them.
-- KEYS 1-4 streams c h n l | 5 meta
-- ARGV 1 most places looked at, and tenants | 2 most held jobs looked at in a stream | 3 what the last reply ended with, or ""
-- Reply: {places freed, counts mended, held jobs given back, gates that are looked at again, what the next call brings back}
--#use streams waits owner_of key_of crowd vacate aged census lull enlist now
local call, streams, crowd, most = redis.call, streams_of(KEYS), crowd_of(KEYS), tonumber(ARGV[1])
local root, meta = crowd.root, KEYS[5]
local places, running, opens = root .. 'places', root .. 'running', root .. 'opens'

local stale, row = {}, call('HRANDFIELD', places, most, 'WITHVALUES')
for k = 1, #row, 2 do
  local name, entry = string.match(row[k], '^(%S+) (%d+%-%d+)$')
  local who = name and streams[name] and owner_of(streams[name], entry)
  if not who or waits(who) then stale[#stale + 1] = row[k] end
end
if #stale > 0 then vacate(root, stale, 0) end

local mended, counts = census(crowd, most, now_ms()), {}
if call('HLEN', places) <= 5 * most then
  for _, gates in ipairs(call('HVALS', places)) do
    for gate in string.gmatch(gates, '%S+') do counts[gate] = (counts[gate] or 0) + 1 end
  end
  local said = call('HGETALL', running)
  for k = 1, #said, 2 do
    if counts[said[k]] == tonumber(said[k + 1]) then counts[said[k]] = nil
    else counts[said[k]] = counts[said[k]] or 0 end
  end
  for gate, n in pairs(counts) do
    if n > 0 then call('HSET', running, gate, n) else call('HDEL', running, gate) end
    mended = mended + 1
  end
end

local lost, reminded = 0, 0
local function look(name, stream)
  local pending = redis.pcall('XPENDING', stream, 'w', '-', '+', ARGV[2], '~')
  for _, held in ipairs(pending.err and {} or pending) do
    local body = call('XRANGE', stream, held[1], held[1])[1]
    local fields, found = body and body[2] or {}, false
    local member = aged(name, held[1])
    local key = key_of(fields)
    for _, gate in ipairs({'t:' .. (fields[1] or ''), key and 'k:' .. key or nil}) do
      if call('ZSCORE', root .. 'held:' .. gate, member) then
        found = true
        reminded = reminded + call('ZADD', opens, 'NX', 0, gate)
      end
    end
    if not found then -- nothing leads to it: who claims next finds it there
      call('XCLAIM', stream, 'w', '-', 0, held[1], 'JUSTID')
      if #name > 1 then enlist(crowd, name, true) end
      lost = lost + 1
    end
  end
end
local some = call('ZRANDMEMBER', crowd.all, 25) -- of tenants a few at a time, by chance
for level in string.gmatch('chnl', '%l') do
  look(level, streams[level])
  for _, tenant in ipairs(some) do look(level .. '@' .. tenant, streams[level .. '@' .. tenant]) end
end

for _, gate in ipairs(call('ZRANGEBYSCORE', opens, '+inf', '+inf', 'LIMIT', 0, 100)) do
  if gate ~= 'q' and call('HEXISTS', running, gate) == 0 then reminded = reminded + call('ZADD', opens, 'XX', 'CH', 0, gate) end
end
if lost + reminded > 0 and call('LLEN', crowd.wake) == 0 then call('RPUSH', crowd.wake, '1') end
local kept = lost == 0 and lull(crowd, streams, ARGV[3])
for _, mark in ipairs(kept and {} or {'flow', 'gates'}) do call('HSETNX', meta, mark, '1') end
return {#stale, mended, lost, reminded, kept or ''}
