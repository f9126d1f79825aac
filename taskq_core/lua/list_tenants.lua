#!lua flags=no-writes,allow-stale
-- Tenants of a queue by name, a page at a time: what they have, and what they may have. Some 6 µs a tenant.
-- KEYS 1 tenants | 2 tenants:set
-- ARGV 1 name to go on after, or "", or "*": of many, some with waiting jobs by chance | 2 most, 500 at most
--      then names: these tenants instead, or beside those by chance
-- Reply: a list of {name, what is set or "", done since it has jobs, [ready c h n l], running, 1 where it is parked at a
--      limit}.
--#use crowd busy
local crowd, call, found = crowd_of(KEYS), redis.call, {}
local names, most = {unpack(ARGV, 3, 502)}, math.min(500, tonumber(ARGV[2]))
if ARGV[1] == '*' and call('ZCARD', KEYS[1]) > most then
  local seen = {}
  for _, name in ipairs(names) do seen[name] = true end
  for _, stream in ipairs(call('HRANDFIELD', crowd.ring, most)) do
    local tenant = string.match(stream, '^%l@(.+)$')
    if tenant and not seen[tenant] then seen[tenant], names[#names + 1] = true, tenant end
  end
  -- where few have waiting jobs, some by name
  for _, tenant in ipairs(#names < most and call('ZRANGE', KEYS[1], 0, most - 1) or {}) do
    if not seen[tenant] then names[#names + 1] = tenant end
  end
elseif #names == 0 or ARGV[1] == '*' then
  local from = string.find(ARGV[1], '^%*?$') and '-' or '(' .. ARGV[1]
  names = call('ZRANGE', KEYS[1], from, '+', 'BYLEX', 'LIMIT', 0, most)
end
if #names == 0 then return found end
local streams = {}
for _, tenant in ipairs(names) do
  for level in string.gmatch('chnl', '%l') do streams[#streams + 1] = level .. '@' .. tenant end
end
local states = call('HMGET', crowd.ring, unpack(streams))
local set, done = call('HMGET', KEYS[2], unpack(names)), call('HMGET', crowd.done, unpack(names))
for k, tenant in ipairs(names) do
  local ready, running, parked = {}, 0, 0
  for at = 4 * k - 3, 4 * k do
    local stream = crowd.root .. streams[at]
    local n = call('XLEN', stream)
    local ours = n > 0 and busy(stream) or 0
    running, ready[#ready + 1] = running + ours, n - ours
    if states[at] == 'p' or states[at] == 'q' then parked = 1 end
  end
  found[k] = {tenant, set[k] or '', tonumber(done[k] or 0), ready, running, parked}
end
return found
