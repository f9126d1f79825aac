-- Frees the places of entries that ended or were given back, `rows` of "stream entry", and lets in who waits for them. What
-- has no place, or had it freed before, changes nothing. `ended`: how many jobs do not run any more.
--#use now
local function vacate(root, rows, ended)
  local call, find, freed, names, opened = redis.call, string.find, {}, {}, 0
  local places, counts, opens = root .. 'places', root .. 'running', root .. 'opens'

  local function free(gate, n)
    local before = freed[gate]
    if not before then names[#names + 1] = gate end
    freed[gate] = (before or 0) + n
  end

  local any = #rows > 0 and call('EXISTS', places) == 1
  for at = 1, any and #rows or 0, 1000 do
    local some, found = #rows > 1000 and {unpack(rows, at, math.min(#rows, at + 999))} or rows, false
    local kept = call('HMGET', places, unpack(some))
    for k = 1, #some do
      local gates = kept[k]
      if gates and not find(gates, ' ', 1, true) then free(gates, 1) -- one alone, as a rule
      elseif gates then
        for gate in string.gmatch(gates, '%S+') do free(gate, 1) end
      end
      found = found or gates
    end
    if found then call('HDEL', places, unpack(some)) end
  end
  local kept, gone = {}, {}
  for k, n in ipairs(#names > 0 and call('HMGET', counts, unpack(names)) or {}) do
    local left = n == '1' and 0 or (tonumber(n) or 0) - freed[names[k]]
    if left > 0 then kept[#kept + 1], kept[#kept + 2] = names[k], left else gone[#gone + 1] = names[k] end
  end
  if #kept > 0 then call('HSET', counts, unpack(kept)) end
  if #gone > 0 then call('HDEL', counts, unpack(gone)) end
  if call('EXISTS', opens) == 0 then return end -- nobody waits anywhere
  if ended > 0 then free('q', ended) end
  local now = now_ms()
  for k, waited in ipairs(#names > 0 and call('ZMSCORE', opens, unpack(names)) or {}) do
    local gate = waited and names[k]
    if gate and call('ZADD', opens, 'XX', 'CH', now, gate) == 1 then opened = opened + freed[gate] end
  end
  for _ = call('LLEN', root .. 'wake') + 1, math.min(opened, 16) do call('RPUSH', root .. 'wake', '1') end
end
