#!lua flags=allow-oom
-- Removes a queue with all its jobs, once `remove_parts` has removed what there may be any number of. What expires by itself
-- (results, locks, producers) is left to do so.
-- KEYS 1.. all keys of the queue, the last one being the history
-- ARGV 1 minutes of history
-- Reply: how many keys were removed.
--#use now
local history, minute = KEYS[#KEYS], math.floor(now_ms() / 60000)
local removed, root = 0, string.match(KEYS[1], '^.*:')
-- what came since
for _, gate in ipairs(redis.call('ZRANGE', root .. 'opens', 0, 999)) do redis.call('UNLINK', root .. 'held:' .. gate) end
for _, id in ipairs(redis.call('ZRANGE', root .. 'groups', 0, 999)) do redis.call('UNLINK', root .. 'group:' .. id) end
for k = 1, #KEYS - 1 do removed = removed + redis.call('UNLINK', KEYS[k]) end
for k = 0, ARGV[1] - 1 do removed = removed + redis.call('UNLINK', history .. ':' .. (minute - k)) end
return removed
