#!lua
-- Adds a batch of jobs, once, however often the call is repeated.
-- KEYS 1-4 streams c h n l | 5 jobs | 6 due | 7 moved | 8 wake | 9 meta | 10 stats | 11 history
--      12 producer session | 13.. uniqueness locks
-- ARGV 1 call number | 2 session TTL ms | 3 largest payload, bytes | 4 history TTL s | 5 tokens kept
--      then groups of: level, task, count, delay ("" ready, "+ms" from now, "ms" absolute),
--      meta JSON or "", index of the lock in KEYS or "", lock TTL ms, and count payloads
-- Reply: runs of consecutive ids, "n1763951707123-0*1000 s1763951707123-7*1"; "=" before a run: the
--      job that holds the lock already. Errors: TOOLARGE, MALFORMED, QUEUEFULL, DRAINING; then nothing
--      was added.
--#use now tally rouse holder admit full
local jobs, due, moved, wake, meta = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local stats, history, session = KEYS[10], KEYS[11], KEYS[12]
local streams = {c = KEYS[1], h = KEYS[2], n = KEYS[3], l = KEYS[4]}
local number, HEAD, FIRST, call = ARGV[1], 7, 6, redis.call

local last = call('GET', session)
if last and string.match(last, '^%d+') == number then return string.match(last, '\n(.*)$') end

local count, bytes = admit(ARGV, FIRST, ARGV[3])
local refused = not count and bytes or full(meta, streams, jobs, count, bytes)
if refused then return refused end

local now, heads, nexts = now_ms(), {}, {}

-- ids after the first of a level are named here, so that the reply can be a run
local function add_ready(level, task, json, payload)
  local id = heads[level] and (heads[level] .. '-' .. nexts[level]) or '*'
  if json == '' then id = call('XADD', streams[level], id, task, payload)
  else id = call('XADD', streams[level], id, task, payload, '@', json) end
  if not heads[level] then heads[level], nexts[level] = string.match(id, '^%d+'), tonumber(string.match(id, '%d+$')) end
  nexts[level] = nexts[level] + 1
end

local function add_delayed(id, at, level, task, json, payload)
  local rest = json == '' and '}' or (',' .. string.sub(json, 2))
  call('HSET', jobs, id, level .. ' ' .. task .. '\n{"i":"' .. id .. '"' .. rest .. '\n\n' .. payload)
  call('ZADD', due, at, id)
end

local i, runs, added, ready = FIRST, {}, 0, 0
while ARGV[i] do
  local level, task, count, delay, json = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3], ARGV[i + 4]
  local lock, first = KEYS[tonumber(ARGV[i + 5])], i + HEAD
  local at = delay ~= '' and tonumber(delay) + (string.sub(delay, 1, 1) == '+' and now or 0) or 0
  local held, run = lock and holder(lock, streams, jobs, moved), nil
  if held then
    run, added = '=' .. held, added - count
  elseif at > now then
    local seq = call('HINCRBY', meta, 'seq', count) - count
    run = 's' .. now .. '-' .. (seq + 1)
    for k = 1, count do add_delayed('s' .. now .. '-' .. (seq + k), at, level, task, json, ARGV[first + k - 1]) end
    if call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] == tostring(at) then ready = ready + 1 end
  else
    for j = first, first + count - 1 do add_ready(level, task, json, ARGV[j]) end
    run, ready = level .. heads[level] .. '-' .. (nexts[level] - count), ready + count
  end
  if lock and not held then call('SET', lock, run, 'PX', ARGV[i + 6]) end
  added, runs[#runs + 1], i = added + count, run .. '*' .. count, first + count
end

tally(stats, history, ARGV[4], now, 'enqueued', added)
rouse(wake, ARGV[5], ready)
local reply = table.concat(runs, ' ')
call('SET', session, number .. '\n' .. reply, 'PX', ARGV[2])
return reply
