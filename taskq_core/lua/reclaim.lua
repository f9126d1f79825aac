#!lua flags=allow-oom
-- Takes over what a silent worker holds, a bounded step at a time: entries go to the orphan "-".
-- KEYS 1-4 streams c h n l | 5 leases | 6 revoked | 7 wake | 8 stats | 9 history | 10 worker hash | 11 told
-- ARGV 1 worker | 2 the expiry its maintainer saw, 0 when it has none, "" when it is revoked already
--      3 most entries
--      4 crashes a job may cause | 5 tokens kept | 6 history TTL s
-- Reply: {state, moved, [stream, entry id, deliveries, fields]...}: "alive" (it renewed: hands off),
--      "more", or "gone". The entries listed have crashed too often: still in its name, to be buried
--      with `fail` (with revoked in the place of leases), after which the call is repeated.
--#use streams now tally rouse crowd enlist leave vacate
local leases, revoked, wake, stats, history = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local worker, seen, most, crashes, call = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), redis.call
local now = now_ms()

local expiry = call('ZSCORE', leases, worker)
if expiry and expiry ~= seen then return {'alive', 0, {}} end
-- one that ends later than any of its length could was given before the clock was set back: it counts as over
local length = tonumber(call('HGET', KEYS[10], 'lease')) or 3600000
local left = expiry and expiry - now or 0
if left > 0 and left <= length then return {'alive', 0, {}} end
if expiry or seen == '0' then
  call('ZADD', revoked, now, worker)
  call('ZREM', leases, worker)
end
if not call('ZSCORE', revoked, worker) then return {'gone', 0, {}} end

local moved, poison, found, streams = 0, {}, 0, streams_of(KEYS)
local crowd, names, rows = crowd_of(KEYS), {'c', 'h', 'n', 'l'}, {}

local function drop(name, entry) -- deleted by hand: there is nothing to run
  call('XACK', streams[name], 'w', entry)
  rows[#rows + 1] = name .. ' ' .. entry
  if #name > 1 then leave(crowd, {{name, 1, 1}}) end
end

local function give_back(name, ids)
  moved = moved + #ids
  for _, entry in ipairs(ids) do rows[#rows + 1] = name .. ' ' .. entry end
  if #name > 1 and #ids > 0 then
    enlist(crowd, name, true)
    leave(crowd, {{name, 0, #ids}})
  end
  ids[#ids + 1] = 'JUSTID' -- a move is not a delivery: the count stays what it was
  if #ids > 1 then call('XCLAIM', streams[name], 'w', '-', 0, unpack(ids)) end
end

local function take_over(name)
  local stream, ids = streams[name], {}
  local pending = redis.pcall('XPENDING', stream, 'w', '-', '+', most, worker)
  if pending.err then pending = {} end
  found = found + #pending
  for _, entry in ipairs(pending) do
    if entry[4] < crashes then
      ids[#ids + 1] = entry[1]
    else
      local body = call('XRANGE', stream, entry[1], entry[1])[1]
      if body then poison[#poison + 1] = {name, entry[1], entry[4], body[2]} else drop(name, entry[1]) end
    end
  end
  give_back(name, ids)
  -- deleting a consumer destroys what it has pending, so only an empty one goes
  if #pending == 0 then redis.pcall('XGROUP', 'DELCONSUMER', stream, 'w', worker) end
  if #pending == 0 and #name > 1 then call('SREM', crowd.rooms .. ':' .. worker, name) end
end

for _, name in ipairs(call('SRANDMEMBER', crowd.rooms .. ':' .. worker, 100)) do names[#names + 1] = name end
for _, name in ipairs(names) do
  if found < most or #name == 1 then take_over(name) end
end
if call('HGET', crowd.meta, 'flow') then vacate(crowd.root, rows, #rows) end
tally(stats, history, ARGV[6], now, 'recovered', moved)
rouse(wake, ARGV[5], moved)
if found > 0 or call('SCARD', crowd.rooms .. ':' .. worker) > 0 then return {'more', moved, poison} end
call('SREM', crowd.rooms, worker)
call('ZREM', revoked, worker)
call('DEL', KEYS[10], KEYS[11])
return {'gone', moved, poison}
