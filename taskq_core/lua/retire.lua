#!lua flags=allow-oom
-- Takes a worker that stopped off the books. What it still holds is left for reclaim.
-- KEYS 1-4 streams c h n l | 5 leases | 6 revoked | 7 worker hash | 8 told
-- ARGV 1 worker
-- Reply: 1 when nothing was left in its name, 0 when reclaim has to take it over.
--#use streams crowd
local leases, revoked, about, told, worker = KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[1]
local streams, crowd, names, left = streams_of(KEYS), crowd_of(KEYS), {'c', 'h', 'n', 'l'}, 0
local rooms = crowd.rooms .. ':' .. worker
for _, name in ipairs(redis.call('SRANDMEMBER', rooms, 1000)) do names[#names + 1] = name end
for _, name in ipairs(names) do
  local pending = redis.pcall('XPENDING', streams[name], 'w', '-', '+', 1, worker)
  if pending.err then pending = {} end
  -- deleting a consumer destroys what it has pending, so only an empty one goes
  if #pending == 0 then redis.pcall('XGROUP', 'DELCONSUMER', streams[name], 'w', worker) end
  if #pending == 0 and #name > 1 then redis.call('SREM', rooms, name) end
  left = left + #pending
end
left = left + redis.call('SCARD', rooms)
if left > 0 then redis.call('ZADD', revoked, 0, worker) else redis.call('SREM', crowd.rooms, worker) end
redis.call('ZREM', leases, worker)
redis.call('DEL', about, told)
return left == 0 and 1 or 0
