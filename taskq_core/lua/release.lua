#!lua flags=allow-oom
-- Gives back jobs that were claimed and not started, or not finished: anyone may claim them again.
-- KEYS 1-4 streams c h n l | 5 leases | 6 wake
-- ARGV 1 worker | 2 tokens kept | then stream, entry id pairs
-- Reply: how many were given back, or -1 when the lease is gone.
--#use streams rouse held crowd enlist leave vacate
local leases, wake, worker = KEYS[5], KEYS[6], ARGV[1]
local streams = streams_of(KEYS)
if not redis.call('ZSCORE', leases, worker) then return -1 end
local n, rows, crowd = 0, {}, crowd_of(KEYS)
for at = 3, #ARGV, 2 do
  local stream, entry = streams[ARGV[at]], ARGV[at + 1]
  local pending = held(stream, entry, worker)
  if pending then
    -- the next claim adds one again: giving back is not a crash
    redis.call('XCLAIM', stream, 'w', '-', 0, entry, 'RETRYCOUNT', pending[4] - 1, 'JUSTID')
    n, rows[n + 1] = n + 1, ARGV[at] .. ' ' .. entry
    if #ARGV[at] > 1 then
      enlist(crowd, ARGV[at], true)
      leave(crowd, {{ARGV[at], 0, 1}})
    end
  end
end
rouse(wake, ARGV[2], n)
if redis.call('HGET', crowd.meta, 'flow') then vacate(crowd.root, rows, n) end
return n
