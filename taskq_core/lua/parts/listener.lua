-- What those who follow the queue wish to hear, or nil. Whatever lies in their keys must not stop who asks.
local function listener(tail)
  local wish = redis.pcall('GET', tail)
  return type(wish) == 'string' and string.match(wish, '^%d+ %d+ %d+$') or nil
end
