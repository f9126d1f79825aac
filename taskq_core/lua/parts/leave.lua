-- Jobs of tenants have left their streams. `rows` of {stream, how many are gone, how many are in a worker's hands no more,
-- counter}: keeps the sums, deletes streams that are empty, and lets tenants that were at a limit go on.
--#use unpark newest
local function leave(crowd, rows)
  local call, sums, done, ended, names = redis.call, {}, {}, {}, {}

  local function forget(name, stream, tenant) -- the stream is empty
    local last = tonumber(string.match(newest(stream) or '0', '^%d+'))
    if last > tonumber(call('HGET', crowd.meta, 'born') or 0) then
      call('HSET', crowd.meta, 'born', string.format('%.0f', last))
    end
    call('DEL', stream)
    local state, others = call('HGET', crowd.ring, name), {}
    if state == 'p' or state == 'q' then call('HDEL', crowd.ring, name) end -- one in the ring is found by a claim
    for other in string.gmatch('chnl', '%l') do others[#others + 1] = crowd.root .. other .. '@' .. tenant end
    if call('EXISTS', unpack(others)) > 0 then return end
    call('ZREM', crowd.opens, tenant)
    if call('HEXISTS', crowd.set, tenant) == 0 then
      call('ZREM', crowd.all, tenant)
      call('HDEL', crowd.done, tenant)
      done[tenant] = nil
    end
  end

  for _, row in ipairs(rows) do
    local name, gone, ran = row[1], row[2], row[3]
    local level, tenant = string.sub(name, 1, 1), string.sub(name, 3)
    local upper = string.upper(level)
    sums[level], sums[upper] = (sums[level] or 0) + gone, (sums[upper] or 0) + ran
    if row[4] == 'done' and gone > 0 then done[tenant] = (done[tenant] or 0) + gone end
    if ran > 0 and not ended[tenant] then ended[tenant], names[#names + 1] = true, tenant end
  end
  for level, n in pairs(sums) do
    if n ~= 0 then call('HINCRBY', crowd.sums, level, -n) end
  end
  for _, row in ipairs(rows) do
    local stream = crowd.root .. row[1]
    if row[2] > 0 and call('XLEN', stream) == 0 and call('EXISTS', stream) == 1 then
      forget(row[1], stream, string.sub(row[1], 3))
    end
  end
  for tenant, n in pairs(done) do call('HINCRBY', crowd.done, tenant, n) end
  -- only one with limits of its own can have been at one
  local limits = #names > 0 and call('EXISTS', crowd.set) == 1 and call('HMGET', crowd.set, unpack(names)) or {}
  for k, set in ipairs(limits) do
    if set then unpark(crowd, names[k]) end
  end
  if #rows > 0 and call('EXISTS', crowd.all) == 0 then call('DEL', crowd.sums) end
end
