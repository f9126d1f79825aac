#!lua flags=no-writes,allow-stale
-- Tenants of a queue by name, a page at a time: what they have, and what they may have. Some 6 µs a tenant.
-- KEYS 1 tenants | 2 tenants:set
-- ARGV 1 name to go on after, or "" | 2 most, 500 at most | then names: these tenants instead
-- Reply: a list of {name, what is set or "", done since it has jobs, [ready c h n l], running, 1 where it is parked at a
--      limit}.
--#use crowd busy
local crowd, call, found = crowd_of(KEYS), redis.call, {}
local names = {unpack(ARGV, 3, 502)}
if #names == 0 then
  local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
  names = call('ZRANGE', KEYS[1], from, '+', 'BYLEX', 'LIMIT', 0, math.min(500, tonumber(ARGV[2])))
end
for k, tenant in ipairs(names) do
  local fields, ready, running, parked = {}, {}, 0, 0
  for level in string.gmatch('chnl', '%l') do
    local name = level .. '@' .. tenant
    local n = call('XLEN', crowd.root .. name)
    local ours = n > 0 and busy(crowd.root .. name) or 0
    running, ready[#ready + 1], fields[#fields + 1] = running + ours, n - ours, name
  end
  for _, state in ipairs(call('HMGET', crowd.ring, unpack(fields))) do
    if state == 'p' or state == 'q' then parked = 1 end
  end
  found[k] = {tenant, call('HGET', KEYS[2], tenant) or '', tonumber(call('HGET', crowd.done, tenant) or 0), ready, running, parked}
end
return found
