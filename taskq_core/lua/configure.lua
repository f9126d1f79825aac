#!lua flags=allow-oom
-- Sets and unsets limits and other settings of a queue. What was set by hand counts more than what code says of itself.
-- KEYS 1 meta | 2 opens | 3 wake
-- ARGV 1 "hand" or "code" | then name, value pairs: "" unsets, "off" is no limit, whatever code says
-- Reply: how many names there were.
local meta, opens, wake, call = KEYS[1], KEYS[2], KEYS[3], redis.call
local limits = false

local function keep(name, value)
  if value and value ~= '' then call('HSET', meta, name, value) else call('HDEL', meta, name) end
end

-- `hand:` and `code:` before a name are kept only where the two have met, or where code alone spoke
for at = 2, #ARGV, 2 do
  local name, value = ARGV[at], ARGV[at + 1]
  local now, code, hand = unpack(call('HMGET', meta, name, 'code:' .. name, 'hand:' .. name))
  if ARGV[1] == 'code' then
    if now and not code and not hand then
      hand = now
      keep('hand:' .. name, now)
    end
    keep('code:' .. name, value)
    value = hand or value
  else
    keep('hand:' .. name, (code or value == 'off') and value or '')
    if value == '' then value = code end
  end
  keep(name, value ~= 'off' and value or '')
  local field = string.match(name, '^%a[%a_]*')
  if field == 'rate' or field == 'max_running' or field == 'key_max_running' then
    limits = true
    if value and value ~= '' and value ~= 'off' then
      call('HSETNX', meta, 'flow', '1')
      if string.find(name, ':', 1, true) then call('HSETNX', meta, 'gates', '0') end -- none with a key
    end
  end
end
-- what was held by another limit is looked at again; of more gates than these the maintainer reminds
if limits then
  for _, gate in ipairs(call('ZRANGE', opens, 0, 999)) do call('ZADD', opens, 0, gate) end
  if call('LLEN', wake) == 0 then call('RPUSH', wake, '1') end
end
return (#ARGV - 1) / 2
