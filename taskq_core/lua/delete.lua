#!lua flags=allow-oom
-- Removes dead jobs for good.
-- KEYS 1 dead | 2 dead:jobs | 3 stats | 4 history
-- ARGV 1 history TTL s | then job ids
-- Reply: for each id 1 when it was dead and is gone, else 0.
--#use now tally discount
local reply, deleted, now = {}, 0, now_ms()
for at = 2, #ARGV do
  discount(KEYS[2], {ARGV[at]}, {dead = -1, removed = 1}, now)
  local n = redis.call('HDEL', KEYS[2], ARGV[at])
  redis.call('ZREM', KEYS[1], ARGV[at])
  reply[at - 1], deleted = n, deleted + n
end
tally(KEYS[3], KEYS[4], ARGV[1], now, 'deleted', deleted)
return reply
