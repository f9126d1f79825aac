#!lua
-- Makes a group known before it has members: what is to run when all of them have ended, and how many they will be.
-- KEYS 1 its hash | 2 groups of the queue | 3 stats | 4 history
-- ARGV 1 id | 2 members it is to have, "" while that is open | 3 when it ends: "done" or "ended" | 4 callback, a record
--      ("level task\nmeta\ndelay ms\npayload") or "" | 5 ms it is kept after its end | 6 history TTL s
-- Reply: "opened", "known" (it is there, as it is asked for) or "taken" (there is another one of that id, or it has
--      ended or its members already).
--#use now tally settle
local now = now_ms()
local key, id, expected, when, callback, keep, call = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], redis.call
local found = call('HMGET', key, 'total', 'expected', 'when', 'callback', 'keep', 'open', 'finished')
if found[1] then
  local same = (found[2] or '') == expected and found[3] == when and found[4] == callback and found[5] == keep
  local free = not found[7] and (expected == '' and found[6] or found[1] == '0')
  return same and free and 'known' or 'taken'
end
call('HSET', key, 'total', 0, 'created', now, 'when', when, 'callback', callback, 'keep', keep)
if expected == '' then call('HSET', key, 'open', 1) else call('HSET', key, 'expected', expected) end
call('ZADD', KEYS[2], 'inf', id)
tally(KEYS[3], KEYS[4], ARGV[6], now, 'enqueued', settle(key, id, {}, now)) -- one without members has ended
return 'opened'
