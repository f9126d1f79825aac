#!lua flags=no-writes,allow-stale
-- Scheduled jobs by due time, or dead ones, the latest first: those that may satisfy the conditions.
-- KEYS 1 due or dead | 2 jobs or dead:jobs
-- ARGV 1 score to go on after | 2 id there, or "" | 3 most to find | 4 most to look at | 5 most bytes to read
--      6 conditions as JSON, or "" | 7 "REV" for the highest score first, or ""
-- Reply: {score and id to go on after, "" at the end, how many were looked at, [id, score, record]...}; a job
--      without a record is left out.
--#use seek parse sift
local CHUNK, index, records, reverse = 64, KEYS[1], KEYS[2], ARGV[7] == 'REV'
local most, rows, bytes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local where = ARGV[6] ~= '' and cjson.decode(ARGV[6])
local verb, looked, read, found = reverse and 'ZREVRANGE' or 'ZRANGE', 0, 0, {}

local function in_time(id, score)
  if where.before and score >= where.before then return false end
  local at = reverse and score or tonumber(string.match(id, '^%l(%d+)%-'))
  return not where.since or not at or at >= where.since
end

local function wanted(id, score, record)
  if not where then return true end
  if where.tenant and string.match(id, '@(.*)$') ~= where.tenant then return false end
  if not in_time(id, score) then return false end
  local task, meta, failure, payload = parse(record)
  return not task or sift(where, task, meta, failure, payload)
end

local start = seek(index, ARGV[1], ARGV[2], reverse)
for from = start, start + rows, CHUNK do
  local part = redis.call(verb, index, from, from + CHUNK - 1, 'WITHSCORES')
  for k = 1, #part, 2 do
    local id, score = part[k], part[k + 1]
    -- the latest come first, so all that follow are older still
    if reverse and where and where.since and tonumber(score) < where.since then return {'', '', looked, found} end
    local record = redis.call('HGET', records, id)
    looked, read = looked + 1, read + (record and #record or 0)
    if record and wanted(id, tonumber(score), record) then found[#found + 1] = {id, score, record} end
    if #found >= most or looked >= rows or read >= bytes then return {score, id, looked, found} end
  end
  if #part < 2 * CHUNK then break end
end
return {'', '', looked, found}
