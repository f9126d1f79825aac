#!lua flags=allow-oom
-- Lets claims go on, and opens the queue to producers again.
-- KEYS 1 meta | 2 wake
-- ARGV 1 tokens kept
-- Reply: 1 when it was paused or draining before, else 0.
--#use rouse
local changed = redis.call('HDEL', KEYS[1], 'paused', 'draining')
if changed > 0 then rouse(KEYS[2], ARGV[1], tonumber(ARGV[1])) end
return changed > 0 and 1 or 0
