-- The rank after a place (score, id) in a sorted set, whether or not what stood there is still there: a list goes
-- on where it ended although jobs came and went meanwhile. `reverse`: ranks count from the highest score.
local function seek(index, score, id, reverse)
  if id == '' then return 0 end
  local call = redis.call

  local function before(a, b) -- by bytes, as the server orders; Lua's own < goes by the locale
    for k = 1, math.min(#a, #b) do
      if string.byte(a, k) ~= string.byte(b, k) then return string.byte(a, k) < string.byte(b, k) end
    end
    return #a < #b
  end

  local low = call('ZCOUNT', index, '-inf', '(' .. score)
  local high = low + call('ZCOUNT', index, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if before(call('ZRANGE', index, middle, middle)[1], id) then low = middle + 1 else high = middle end
  end
  if reverse then return call('ZCARD', index) - low end
  return call('ZRANGE', index, low, low)[1] == id and low + 1 or low
end
