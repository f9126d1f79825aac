#!lua flags=allow-oom
-- Records failed attempts: each job waits for its next attempt, or is buried.
-- KEYS 1-4 streams c h n l | 5 leases (or revoked) | 6 jobs | 7 due | 8 moved | 9 dead | 10 dead:jobs
--      11 meta | 12 stats | 13 history | 14 failures | 15 wake | 16.. result and lock key of each job
-- ARGV 1 worker | 2 history TTL s | 3 failures kept | 4 dead kept | 5 dead age ms | 6 tokens kept
--      then for each job: stream, entry id, job id, delay ms or "" to bury, record,
--      failure JSON, result JSON or "", its TTL ms, buckets of its times ("w12 r40")
-- Reply: how many were recorded, or -1 when the lease is gone. A repeat records nothing again.
--#use streams now tally rouse trim held account youngest crowd leave vacate
local leases, jobs, due, moved, dead, dead_jobs = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local meta, stats, history, failures, wake = KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local streams = streams_of(KEYS)
local worker, ttl, FIRST, SIZE, call = ARGV[1], ARGV[2], 7, 9, redis.call
if not call('ZSCORE', leases, worker) then return -1 end

local now, recorded, retried, buried, launched = now_ms(), 0, 0, 0, 0
local minute = history .. ':' .. math.floor(now / 60000)

local function schedule(id, delay, record)
  call('HSET', jobs, id, record)
  call('ZADD', due, now + delay, id)
  if call('ZRANGE', due, 0, 0)[1] == id then rouse(wake, ARGV[6], 1) end
  retried = retried + 1
end

local function bury(id, record, lock)
  call('HSET', dead_jobs, id, record)
  call('ZADD', dead, now, id)
  if call('GET', lock) == id then call('DEL', lock) end
  launched = launched + account(dead, record, {dead = 1}, now)
  buried = buried + 1
end

local pair, rows, crowd = 16, {}, crowd_of(KEYS)
for at = FIRST, #ARGV, SIZE do
  local stream, entry, id, delay = streams[ARGV[at]], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local record, failure, result, keep = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  if held(stream, entry, worker) then
    if delay ~= '' then schedule(id, delay, record) else bury(id, record, KEYS[pair + 1]) end
    if result ~= '' then call('SET', KEYS[pair], result, 'PX', keep) end
    call('XADD', failures, 'MAXLEN', '~', ARGV[3], '*', 'id', id, 'at', failure)
    call('HDEL', moved, id)
    call('XACK', stream, 'w', entry)
    call('XDEL', stream, entry)
    if #ARGV[at] > 1 then leave(crowd, {{ARGV[at], 1, 1, 'failed', youngest(ARGV, at + 1, at + 1)}}) end
    for bucket in string.gmatch(ARGV[at + 8], '%S+') do call('HINCRBY', minute, bucket, 1) end
    recorded, rows[recorded + 1] = recorded + 1, ARGV[at] .. ' ' .. entry
  end
  pair = pair + 2
end
if call('HGET', meta, 'flow') then vacate(crowd.root, rows, recorded) end
tally(stats, history, ttl, now, 'failed', recorded)
tally(stats, history, ttl, now, 'retried', retried)
tally(stats, history, ttl, now, 'dead', buried)
tally(stats, history, ttl, now, 'enqueued', launched)
rouse(wake, ARGV[6], launched)
local trimmed = trim(dead, dead_jobs, meta, now, ARGV[4], ARGV[5], recorded + 10)
tally(stats, history, ttl, now, 'trimmed', trimmed)
return recorded
