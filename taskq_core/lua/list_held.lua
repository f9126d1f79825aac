#!lua flags=no-writes,allow-stale
-- The jobs that a worker holds, without their payloads.
-- KEYS 1-4 streams c h n l
-- ARGV 1 worker | 2 most of each level
-- Reply: a list of {level index, entry id, task, options JSON or "", ms since it was handed out, deliveries}.
local found = {}
for level = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[level], 'w', '-', '+', ARGV[2], ARGV[1])
  for _, entry in ipairs(pending.err and {} or pending) do
    local body = redis.call('XRANGE', KEYS[level], entry[1], entry[1])[1]
    if body then
      found[#found + 1] = {level, entry[1], body[2][1], body[2][4] or '', entry[3], entry[4]}
    end
  end
end
return found
