#!lua flags=no-writes,allow-stale
-- The jobs that a worker holds, without their payloads.
-- KEYS 1-4 streams c h n l
-- ARGV 1 worker | 2 most of each stream
-- Reply: a list of {stream, entry id, task, options JSON or "", ms since it was handed out, deliveries}.
--#use streams crowd
local found, streams = {}, streams_of(KEYS)
local names = redis.call('SRANDMEMBER', crowd_of(KEYS).rooms .. ':' .. ARGV[1], 1000)
for name in string.gmatch('lnhc', '.') do table.insert(names, 1, name) end
for _, name in ipairs(names) do
  local pending = redis.pcall('XPENDING', streams[name], 'w', '-', '+', ARGV[2], ARGV[1])
  for _, entry in ipairs(pending.err and {} or pending) do
    local body = redis.call('XRANGE', streams[name], entry[1], entry[1])[1]
    if body then
      found[#found + 1] = {name, entry[1], body[2][1], body[2][4] or '', entry[3], entry[4]}
    end
  end
end
return found
