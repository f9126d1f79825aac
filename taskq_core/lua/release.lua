#!lua flags=allow-oom
-- Gives back jobs that were claimed and not started, or not finished: anyone may claim them again.
-- KEYS 1-4 streams c h n l | 5 leases | 6 wake
-- ARGV 1 worker | 2 tokens kept | then level index, entry id pairs
-- Reply: how many were given back, or -1 when the lease is gone.
--#use rouse held
local leases, wake, worker = KEYS[5], KEYS[6], ARGV[1]
if not redis.call('ZSCORE', leases, worker) then return -1 end
local n = 0
for at = 3, #ARGV, 2 do
  local stream, entry = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local pending = held(stream, entry, worker)
  if pending then
    -- the next claim adds one again: giving back is not a crash
    redis.call('XCLAIM', stream, 'w', '-', 0, entry, 'RETRYCOUNT', pending[4] - 1, 'JUSTID')
    n = n + 1
  end
end
rouse(wake, ARGV[2], n)
return n
