#!lua
-- Brings jobs back under their own ids: ready, scheduled or dead. One that is here already adds nothing.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 dead | 10 dead:jobs | 11 meta | 12 stats
--      13 history | 14 imported: the ids of late, so that a repeat knows those that have ended since
--      15.. results and uniqueness locks of the jobs that have any
-- ARGV 1 history TTL s | 2 tokens kept | 3 TTL ms of imported | 4 TTL ms of a lock
--      then for each job: id, "ready", "scheduled" or "dead", due or died ms, record, meta JSON without the
--      id or "", index of its result in KEYS or "", index of its lock in KEYS or ""
-- Reply: for each id "" (added), "known" (it is here, or was imported before) or "taken" (by another job).
--      Errors: QUEUEFULL, DRAINING; then nothing was added.
--#use whose streams now tally rouse locate known place full crowd open keyed
local jobs, due, moved, wake, dead, dead_jobs, meta = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local stats, history, imported = KEYS[12], KEYS[13], KEYS[14]
local streams = streams_of(KEYS)
local stored = {jobs = jobs, dead_jobs = dead_jobs, imported = imported}
local call, FIRST, SIZE, now = redis.call, 5, 7, now_ms()

local reply, seen, waiting, bytes = {}, {}, 0, 0
for at = FIRST, #ARGV, SIZE do
  local id = ARGV[at]
  local found = seen[id] and 'known' or known(id, ARGV[at + 3], KEYS[tonumber(ARGV[at + 5])], stored, locate(id, streams, moved))
  if found == '' and ARGV[at + 1] ~= 'dead' then waiting, bytes = waiting + 1, bytes + #ARGV[at + 3] end
  reply[#reply + 1], seen[id] = found, true
end

local refused = full(meta, streams, jobs, waiting, bytes)
if refused then return refused end
local before = tonumber(call('HGET', meta, 'seq') or 0)
local lasts, seq, added, ready = {}, before, 0, 0

local function enter(id, record, json)
  local level, task, whole, payload = string.match(record, '^(%l) ([^\n]+)\n([^\n]*)\n[^\n]*\n(.*)$')
  local name = level .. whose(id)
  if #name > 1 then open(crowd_of(KEYS), name, streams[name], now, 1) end
  local entry, own = place(streams[name], id, name, now, lasts)
  if own and json == '' then call('XADD', streams[name], entry, task, payload)
  else call('XADD', streams[name], entry, task, payload, '@', own and json or whole) end
  keyed(meta, whole)
  if not own then call('HSET', moved, id, level .. entry) end
  ready = ready + 1
end

for k, found in ipairs(reply) do
  local at = FIRST + (k - 1) * SIZE
  local id, state, score, record, lock = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], KEYS[tonumber(ARGV[at + 6])]
  if found == '' then
    if state == 'ready' then enter(id, record, ARGV[at + 4])
    elseif state == 'dead' then call('HSET', dead_jobs, id, record) call('ZADD', dead, score, id)
    else call('HSET', jobs, id, record) call('ZADD', due, score, id) end
    if lock and state ~= 'dead' then call('SET', lock, id, 'NX', 'PX', ARGV[4]) end
    -- an id from the counter of delayed jobs was given out, wherever that was
    local counted = tonumber(string.match(id, '^s%d+%-(%d+)') or 0)
    if counted < 1e12 then seq = math.max(seq, counted) end
    added = added + call('SADD', imported, id)
  end
end
call('PEXPIRE', imported, ARGV[3])
if seq > before then call('HSET', meta, 'seq', string.format('%.0f', seq)) end
tally(stats, history, ARGV[1], now, 'imported', added)
rouse(wake, ARGV[2], added > ready and ready + 1 or ready)
return reply
