#!lua flags=allow-oom
-- The jobs behind entries that are in a worker's name already, after a claim whose reply was lost.
-- KEYS 1-4 streams c h n l | 5 leases
-- ARGV 1 worker | then stream, entry id pairs
-- Reply: a list of {stream, entry id, fields}; -1 when the lease is gone.
--#use streams held crowd leave
local leases, worker, found = KEYS[5], ARGV[1], {}
local streams = streams_of(KEYS)
if not redis.call('ZSCORE', leases, worker) then return -1 end
for at = 2, #ARGV, 2 do
  local stream, entry = streams[ARGV[at]], ARGV[at + 1]
  if held(stream, entry, worker) then
    local body = redis.call('XRANGE', stream, entry, entry)[1]
    if body then
      found[#found + 1] = {ARGV[at], entry, body[2]}
    else -- deleted by hand: nothing to run
      redis.call('XACK', stream, 'w', entry)
      if #ARGV[at] > 1 then leave(crowd_of(KEYS), {{ARGV[at], 1, 1}}) end
    end
  end
end
return found
