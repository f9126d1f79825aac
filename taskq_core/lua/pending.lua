#!lua flags=allow-oom
-- What the server holds in a worker's name, so that it can find jobs it never saw.
-- KEYS 1-4 streams c h n l
-- ARGV 1 worker | 2 most entries of a level
-- Reply: a list of {level index, entry id, deliveries}.
local found = {}
for level = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[level], 'w', '-', '+', ARGV[2], ARGV[1])
  if pending.err then pending = {} end
  for _, entry in ipairs(pending) do found[#found + 1] = {level, entry[1], entry[4]} end
end
return found
