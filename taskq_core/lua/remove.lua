#!lua flags=allow-oom
-- Removes a queue with all its jobs. What expires by itself (results, locks, producers) is left to do so.
-- KEYS 1.. all keys of the queue, the last one being the history
-- ARGV 1 minutes of history
-- Reply: how many keys were removed.
--#use now
local history, minute = KEYS[#KEYS], math.floor(now_ms() / 60000)
local removed = 0
for k = 1, #KEYS - 1 do removed = removed + redis.call('UNLINK', KEYS[k]) end
for k = 0, ARGV[1] - 1 do removed = removed + redis.call('UNLINK', history .. ':' .. (minute - k)) end
return removed
