#!lua flags=allow-oom
-- Lets a paused schedule fire again, from its next time on: what came while it was paused was not missed.
-- KEYS 1 schedules | 2 their next times | 3 their runs
-- ARGV 1 name | 2 hash of what the caller saw | 3 next time, ms, or ""
-- Reply: 1 when it was paused, 0 when it was not, -1 when there is none of that name, -2 when it has changed.
local name, call = ARGV[1], redis.call
local record = call('HGET', KEYS[1], name)
if not record then return -1 end
if call('HEXISTS', KEYS[3], name .. ':paused') == 0 then return 0 end
local about = string.match(record, '^[^\n]*\n[^\n]*\n([^\n]*)') or ''
if not string.find(about, '"hash":"' .. ARGV[2] .. '"', 1, true) then return -2 end
if ARGV[3] ~= '' then call('ZADD', KEYS[2], ARGV[3], name) end
return call('HDEL', KEYS[3], name .. ':paused')
