-- How many jobs each of the tenants may take in a look at the ring: `turn` times its weight, or more where `want` is enough
-- for several rounds; and their weights. The first one's turn may have begun in an earlier claim. `dry`: who has nothing.
local function quotas(crowd, level, names, settings, dry, want, turn)
  local call, found, weights, sum = redis.call, {}, {}, 0
  for k, tenant in ipairs(names) do
    weights[k] = settings[k] and tonumber(string.match(settings[k], '^%d+')) or 1
    sum = sum + (dry[tenant] and 0 or weights[k])
  end
  local rounds = math.max(turn, math.floor(want / math.max(1, sum)))
  for k in ipairs(names) do found[k] = rounds * weights[k] end
  local owner, credit = string.match(call('HGET', crowd.ring, '+' .. level) or '', '^([^ ]*) (%d+)$')
  if owner then
    if owner == names[1] then found[1] = tonumber(credit) end
    call('HDEL', crowd.ring, '+' .. level)
  end
  return found, weights
end
