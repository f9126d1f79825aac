-- Jobs of tenants have left their streams. `rows` of {stream, how many are gone, how many are in a worker's hands no more,
-- counter, ms of the youngest one that is gone or nil when that is not known}: keeps the sums, forgets streams that are
-- empty, and lets tenants that were at a limit go on.
--#use unpark forget newest
local function leave(crowd, rows)
  local call, root, sums, done, ended, empty, born = redis.call, crowd.root, {}, {}, {}, {}, 0
  local UPPER = {c = 'C', h = 'H', n = 'N', l = 'L'}

  for _, row in ipairs(rows) do
    local name, gone, ran = row[1], row[2], row[3]
    local level, upper = string.sub(name, 1, 1), UPPER[string.sub(name, 1, 1)]
    sums[level], sums[upper] = (sums[level] or 0) + gone, (sums[upper] or 0) + ran
    if row[4] == 'done' and gone > 0 then
      local tenant = string.sub(name, 3)
      done[tenant] = (done[tenant] or 0) + gone
    end
    if ran > 0 then ended[name] = true end
    if gone > 0 then
      born = math.max(born, row[5] or tonumber(string.match(newest(root .. name) or '0', '^%d+')))
      if call('XLEN', root .. name) == 0 and not empty[name] then empty[name], empty[#empty + 1] = true, name end
    end
  end
  for level, n in pairs(sums) do
    if n ~= 0 then call('HINCRBY', crowd.sums, level, -n) end
  end
  for _, tenant in ipairs(#empty > 0 and forget(crowd, empty) or {}) do done[tenant] = nil end
  -- what is deleted must not give out its ids again, though the clock is set back
  if born > 0 and born > tonumber(call('HGET', crowd.meta, 'born') or 0) then
    call('HSET', crowd.meta, 'born', string.format('%.0f', born))
  end
  for tenant, n in pairs(done) do call('HINCRBY', crowd.done, tenant, n) end
  if call('EXISTS', crowd.set) == 1 then -- only one with limits of its own can have been at one
    local names = {}
    for name in pairs(ended) do names[#names + 1] = string.sub(name, 3) end
    for k, set in ipairs(#names > 0 and call('HMGET', crowd.set, unpack(names)) or {}) do
      if set then unpark(crowd, names[k]) end
    end
  end
  if #rows > 0 and call('EXISTS', crowd.all) == 0 then call('DEL', crowd.sums) end
end
