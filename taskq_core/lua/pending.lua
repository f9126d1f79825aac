#!lua flags=allow-oom
-- What the server holds in a worker's name, so that it can find jobs it never saw.
-- KEYS 1-4 streams c h n l
-- ARGV 1 worker | 2 most entries of a level
-- Reply: a list of {stream, entry id, deliveries}.
--#use streams crowd
local found, streams = {}, streams_of(KEYS)
local rooms, names = crowd_of(KEYS).rooms .. ':' .. ARGV[1], {'c', 'h', 'n', 'l'}
-- some of the tenants' streams where it may have any: those where it has none leave this set, so a later call sees others
for _, name in ipairs(redis.call('SRANDMEMBER', rooms, 1000)) do names[#names + 1] = name end
for _, name in ipairs(names) do
  local pending = redis.pcall('XPENDING', streams[name], 'w', '-', '+', ARGV[2], ARGV[1])
  if pending.err then pending = {} end
  if #pending == 0 and #name > 1 then
    redis.call('SREM', rooms, name)
    redis.pcall('XGROUP', 'DELCONSUMER', streams[name], 'w', ARGV[1])
  end
  for _, entry in ipairs(pending) do found[#found + 1] = {name, entry[1], entry[4]} end
end
return found
