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
  for gate, n in pairs(freed) do
    if gate ~= 'q' and call('HINCRBY', root .. 'running', gate, -n) <= 0 then call('HDEL', root .. 'running', gate) end
    -- only those are there at which somebody waits
    if n > 0 and call('ZADD', root .. 'opens', 'XX', 'CH', now_ms(), gate) == 1 then opened = opened + n end
  end
  for _ = call('LLEN', root .. 'wake') + 1, math.min(opened, 16) do call('RPUSH', root .. 'wake', '1') end
end
