#!lua flags=allow-oom
-- Lets claims go on.
-- KEYS 1 meta | 2 wake
-- ARGV 1 tokens kept
-- Reply: 1 when it was paused before, else 0.
--#use rouse
local changed = redis.call('HDEL', KEYS[1], 'paused')
if changed == 1 then rouse(KEYS[2], ARGV[1], tonumber(ARGV[1])) end
return changed
