#!lua
-- Closes a group to further members: from now on it ends when those it has have ended.
-- KEYS 1 its hash | 2 wake | 3 stats | 4 history
-- ARGV 1 id | 2 "1": it ends now, whatever its members do | 3 history TTL s | 4 tokens kept
-- Reply: "sealed", "finished" (that made it end), "known" (it was closed, or had ended) or "" (no such group).
--#use now tally rouse settle
local key, id, force, call, now = KEYS[1], ARGV[1], ARGV[2] == '1', redis.call, now_ms()
if call('HEXISTS', key, 'total') == 0 then return '' end
if call('HEXISTS', key, 'finished') == 1 then return 'known' end
-- members that were to come, and did not
local closed = call('HDEL', key, 'open', 'expected')
local launched = settle(key, id, {}, now, force)
tally(KEYS[3], KEYS[4], ARGV[3], now, 'enqueued', launched)
rouse(KEYS[2], ARGV[4], launched)
if call('HEXISTS', key, 'finished') == 1 then return 'finished' end
return closed > 0 and 'sealed' or 'known'
