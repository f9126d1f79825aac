#!lua flags=allow-oom
-- Removes a tenant's scheduled or dead jobs, which lie among those of all others: a bounded look at the index.
-- KEYS 1 due or dead | 2 jobs or dead:jobs | 3 stats | 4 history
-- ARGV 1 history TTL s | 2 tenant | 3 rank to begin at | 4 most to look at | 5 only those with a score below this ms, or ""
-- Reply: {how many were removed, rank to go on at, or -1 at the end}.
--#use whose now tally discount
local from, most, removed, launched, now = tonumber(ARGV[3]), tonumber(ARGV[4]), 0, 0, now_ms()
local change = string.match(KEYS[1], ':dead$') and {dead = -1, removed = 1} or {removed = 1}
local before = tonumber(ARGV[5]) or math.huge
local rows = redis.call('ZRANGE', KEYS[1], from, from + most - 1, 'WITHSCORES')
for k = 1, #rows, 2 do
  if whose(rows[k]) == '@' .. ARGV[2] and tonumber(rows[k + 1]) < before then
    launched = launched + discount(KEYS[2], {rows[k]}, change, now)
    redis.call('HDEL', KEYS[2], rows[k])
    redis.call('ZREM', KEYS[1], rows[k])
    removed = removed + 1
  end
end
tally(KEYS[3], KEYS[4], ARGV[1], now, 'purged', removed)
tally(KEYS[3], KEYS[4], ARGV[1], now, 'enqueued', launched)
return {removed, #rows < 2 * most and -1 or from + most - removed}
