#!lua flags=no-writes,allow-stale
-- Everything the server holds about one job.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 dead | 9 dead:jobs | 10 result | 11 notes
-- ARGV 1 job id
-- Reply: {place, ...}: {"stream", its name, entry id, fields, worker or "", deliveries},
--      {"jobs", record, due ms}, {"dead", record, died ms} or {""}; then always the result or "",
--      and what it said of itself as `notes` tells it, with all lines that are kept.
--#use streams locate recount
local jobs, due, moved, dead, dead_jobs, id = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], ARGV[1]
local streams = streams_of(KEYS)
local call, result, said = redis.call, redis.call('GET', KEYS[10]) or '', recount(KEYS[11], 0)

local stream, entry, name = locate(id, streams, moved)
if stream then
  local body = call('XRANGE', stream, entry, entry)[1]
  local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
  local owner = not pending.err and pending[1] or {'', '', 0, 0}
  return {'stream', name, entry, body[2], owner[2], owner[4], result, said}
end
local record = call('HGET', jobs, id)
if record then return {'jobs', record, call('ZSCORE', due, id) or '', result, said} end
record = call('HGET', dead_jobs, id)
if record then return {'dead', record, call('ZSCORE', dead, id) or '', result, said} end
return {'', result, said}
