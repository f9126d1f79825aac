#!lua flags=allow-oom
-- Lets a schedule fire no more until it is resumed.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV 1 name
-- Reply: 1 when it was not paused before, 0 when it was, -1 when there is none of that name.
local name, call = ARGV[1], redis.call
call('ZREM', KEYS[2], name)
if call('HEXISTS', KEYS[1], name) == 0 then return -1 end
return call('HSETNX', KEYS[3], name .. ':paused', '1')
