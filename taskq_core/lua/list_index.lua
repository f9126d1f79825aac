#!lua flags=no-writes,allow-stale
-- Scheduled jobs by due time, or dead ones, the latest first.
-- KEYS 1 due or dead | 2 jobs or dead:jobs
-- ARGV 1 rank to begin at | 2 most | 3 "REV" for the highest score first, or ""
-- Reply: {how many were looked at, [id, score, record]...}; a job without a record is left out.
local from, found = tonumber(ARGV[1]), {}
local verb = ARGV[3] == 'REV' and 'ZREVRANGE' or 'ZRANGE'
local rows = redis.call(verb, KEYS[1], from, from + ARGV[2] - 1, 'WITHSCORES')
for k = 1, #rows, 2 do
  local record = redis.call('HGET', KEYS[2], rows[k])
  if record then found[#found + 1] = {rows[k], rows[k + 1], record} end
end
return {#rows / 2, found}
