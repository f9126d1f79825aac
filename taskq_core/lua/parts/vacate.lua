-- Frees the places of entries that ended or were given back, `rows` of "stream entry", and lets in who waits for them. What
-- has no place, or had it freed before, changes nothing. `ended`: how many jobs do not run any more.
--#use now
local function vacate(root, rows, ended)
  local call, freed, opened = redis.call, {q = ended}, 0
  local any = call('EXISTS', root .. 'places') == 1
  for at = 1, any and #rows or 0, 1000 do
    local some, fields = {unpack(rows, at, math.min(#rows, at + 999))}, {}
    for k, gates in ipairs(call('HMGET', root .. 'places', unpack(some))) do
      if gates then fields[#fields + 1] = some[k] end
      for gate in string.gmatch(gates or '', '%S+') do freed[gate] = (freed[gate] or 0) + 1 end
    end
    if #fields > 0 then call('HDEL', root .. 'places', unpack(fields)) end
  end
  local names, kept, gone, now = {}, {}, {}, now_ms()
  local anybody = call('EXISTS', root .. 'opens') == 1
  for gate, n in pairs(freed) do
    if gate ~= 'q' then names[#names + 1] = gate end
    -- only those are there at which somebody waits
    if anybody and n > 0 and call('ZADD', root .. 'opens', 'XX', 'CH', now, gate) == 1 then opened = opened + n end
  end
  for k, n in ipairs(#names > 0 and call('HMGET', root .. 'running', unpack(names)) or {}) do
    local left = (tonumber(n) or 0) - freed[names[k]]
    if left > 0 then kept[#kept + 1], kept[#kept + 2] = names[k], left else gone[#gone + 1] = names[k] end
  end
  if #kept > 0 then call('HSET', root .. 'running', unpack(kept)) end
  if #gone > 0 then call('HDEL', root .. 'running', unpack(gone)) end
  for _ = call('LLEN', root .. 'wake') + 1, math.min(opened, 16) do call('RPUSH', root .. 'wake', '1') end
end
