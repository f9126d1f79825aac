#!lua
-- Adds a batch of jobs, once, however often the call is repeated.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 meta | 10 stats | 11 history
--      12 producer session | 13.. uniqueness locks
-- ARGV 1 call number | 2 session TTL ms | 3 largest payload, bytes | 4 history TTL s | 5 tokens kept
--      then groups of: stream ("n", or a tenant's, "n@acme"), task, count, delay ("" ready, "+ms" from now, "ms" absolute),
--      meta JSON or "", index of the lock in KEYS or "", what is asked of it (see parts/rule), and count payloads
-- Reply: runs of consecutive ids, "n1763951707123-0*1000 s1763951707123-7*1"; behind "=", "~" or ">" (see
--      parts/meet): the job that holds the lock already, and no new one. Errors: TOOLARGE, MALFORMED, QUEUEFULL, DRAINING, GROUPCLOSED; then
--      nothing was added.
--#use echo id_of streams now tally rouse rule meet take member admit full enrol crowd crowded arrivals keyed
local jobs, due, moved, wake, meta = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local stats, history, session = KEYS[10], KEYS[11], KEYS[12]
local number, streams, HEAD, FIRST, call = ARGV[1], streams_of(KEYS), 7, 6, redis.call

local before = echo(session, number)
if before then return before end

local count, bytes, members, tenants = admit(ARGV, FIRST, ARGV[3])
local refused = not count and bytes or full(meta, streams, jobs, count, bytes)
  or tenants and crowded(crowd_of(KEYS), ARGV, FIRST) or members and enrol(jobs, members, 0, true)
if refused then return refused end

local now, heads, nexts, firsts, came = now_ms(), {}, {}, {}, tenants and arrivals(crowd_of(KEYS))

-- ids after the first of a level are named here, so that the reply can be a run
local function add_ready(name, task, json, payload)
  local id = heads[name] and (heads[name] .. '-' .. nexts[name]) or firsts[name] or '*'
  if json == '' then id = call('XADD', streams[name], id, task, payload)
  else id = call('XADD', streams[name], id, task, payload, '@', json) end
  if not heads[name] then heads[name], nexts[name] = string.match(id, '^%d+'), tonumber(string.match(id, '%d+$')) end
  nexts[name] = nexts[name] + 1
  return id
end

local function add_delayed(id, at, level, task, json, payload)
  local rest = json == '' and '}' or (',' .. string.sub(json, 2))
  call('HSET', jobs, id, level .. ' ' .. task .. '\n{"i":"' .. id .. '"' .. rest .. '\n\n' .. payload)
  call('ZADD', due, at, id)
end

local i, runs, added, ready, queue = FIRST, {}, 0, 0, {streams = streams, jobs = jobs, due = due, moved = moved}
while ARGV[i] do
  local name, task, count, delay, json = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3], ARGV[i + 4]
  keyed(meta, json)
  local lock, first, tenant = KEYS[tonumber(ARGV[i + 5])], i + HEAD, string.sub(name, 2)
  local at = delay ~= '' and tonumber(delay) + (string.sub(delay, 1, 1) == '+' and now or 0) or 0
  local asked, held, run = lock and rule(ARGV[i + 6]), nil, nil
  if asked then
    held, run = meet(lock, asked, {task = task, payload = ARGV[first], at = at, now = now}, queue, add_ready)
  end
  if held then
    run, added, ready = held, added - count, ready + (run and 1 or 0)
    local group = members and member(json)
    if group then members[group] = members[group] - count end
  elseif at > now then
    local seq = call('HINCRBY', meta, 'seq', count) - count
    run = 's' .. now .. '-' .. (seq + 1) .. tenant
    for k = 1, count do
      add_delayed('s' .. now .. '-' .. (seq + k) .. tenant, at, string.sub(name, 1, 1), task, json, ARGV[first + k - 1])
    end
    if call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] == tostring(at) then ready = ready + 1 end
  else
    if tenant ~= '' then firsts[name] = came.add(name, streams[name], now, count) end
    for j = first, first + count - 1 do add_ready(name, task, json, ARGV[j]) end
    run, ready = id_of(name, heads[name] .. '-' .. (nexts[name] - count)), ready + count
  end
  if asked and not held then take(lock, asked, run, now) end
  added, runs[#runs + 1], i = added + count, run .. '*' .. count, first + count
end

if came then came.settle() end
if members then enrol(jobs, members, now) end
tally(stats, history, ARGV[4], now, 'enqueued', added)
rouse(wake, ARGV[5], ready)
local reply = table.concat(runs, ' ')
call('SET', session, number .. '\n' .. reply, 'PX', ARGV[2])
return reply
