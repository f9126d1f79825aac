-- What a call asks of a uniqueness lock, "86400000dr" or "86400000rt60000": how long it lives, ms; d: debounce; r: replace
-- the payload; t: throttle, ms for which it is held at least. Nil when it is no such thing.
local function rule(word)
  local ttl, debounce, replace, throttle = string.match(word, '^([1-9]%d*)(d?)(r?)t?(%d*)$')
  if not ttl or #ttl > 15 or #throttle > 15 then return nil end
  return {ttl = ttl, debounce = debounce ~= '', replace = replace ~= '', throttle = tonumber(throttle)}
end
