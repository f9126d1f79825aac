#!lua flags=allow-oom
-- Sets what a tenant may have in a queue, and gives it a turn, so that a new limit is looked at.
-- KEYS 1 tenants:set | 2 tenants
-- ARGV 1 tenant | 2 weight | 3 most running | 4 most waiting | 5 "1" paused, "0" not | 6 rate as stored; each "": as it
--      is, "-": the default
-- Reply: {what was set before, what is set now}: "weight running waiting paused rate…" with 0 for no limit, or "".
--#use crowd unpark
local crowd, tenant, call = crowd_of(KEYS), ARGV[1], redis.call
local before = call('HGET', KEYS[1], tenant) or ''
local parts = {string.match(before, '^(%d+) (%d+) (%d+) (%d) ?(.*)$')}
local defaults = {'1', '0', '0', '0', ''}
for k, default in ipairs(defaults) do
  local new = ARGV[k + 1]
  parts[k] = new == '-' and default or new ~= '' and new or parts[k] or default
end
local now = table.concat(parts, ' ', 1, 4) .. (parts[5] ~= '' and ' ' .. parts[5] or '')
if now == '1 0 0 0' then
  now = ''
  call('HDEL', KEYS[1], tenant)
  local streams = {}
  for level in string.gmatch('chnl', '%l') do streams[#streams + 1] = crowd.root .. level .. '@' .. tenant end
  if call('EXISTS', unpack(streams)) == 0 then
    call('ZREM', KEYS[2], tenant)
    call('HDEL', crowd.done, tenant)
  end
else
  call('HSET', KEYS[1], tenant, now)
  call('ZADD', KEYS[2], 0, tenant)
  call('HSET', crowd.meta, 'flow', '1')
end
if parts[5] == '' then call('HDEL', crowd.tat, '@' .. tenant) end
unpark(crowd, tenant)
return {before, now}
