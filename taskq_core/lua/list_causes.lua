#!lua flags=no-writes,allow-stale
-- Failed jobs by cause, a bounded step at a time: dead ones, the latest first, or those that wait for another try.
-- KEYS 1 dead or due | 2 dead:jobs or jobs
-- ARGV 1 score to go on after | 2 id there, or "" | 3 most to look at | 4 most bytes to read
--      5 "REV" for the highest score first, or "" | 6 only those with at least this score, or ""
-- Reply: {score and id to go on after, "" at the end, how many were looked at,
--      [fingerprint, count, first score, last score, latest id, its task, its type, its message]...,
--      [id, score, task, error JSON]... of which no fingerprint is stored}.
--#use seek parse causes
local CHUNK, TEXT, index, records, reverse = 64, 500, KEYS[1], KEYS[2], ARGV[5] == 'REV'
local rows, bytes, since = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6]) or 0
local verb, looked, read = reverse and 'ZREVRANGE' or 'ZRANGE', 0, 0
local count, found = causes(TEXT)

local start = seek(index, ARGV[1], ARGV[2], reverse)
for from = start, start + rows, CHUNK do
  local part = redis.call(verb, index, from, from + CHUNK - 1, 'WITHSCORES')
  for k = 1, #part, 2 do
    local id, score = part[k], part[k + 1]
    local recent = tonumber(score) >= since
    if reverse and not recent then return {'', '', looked, found()} end
    local record = redis.call('HGET', records, id)
    looked, read = looked + 1, read + (record and #record or 0)
    local task, _, failure = parse(record or '')
    if task and recent then count(id, score, task, failure) end
    if looked >= rows or read >= bytes then return {score, id, looked, found()} end
  end
  if #part < 2 * CHUNK then break end
end
return {'', '', looked, found()}
