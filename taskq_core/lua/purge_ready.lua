#!lua flags=allow-oom
-- Removes waiting entries of a queue, a bounded step at a time; running jobs are left alone.
-- KEYS 1-4 streams c h n l | 5 moved | 6 stats | 7 history
-- ARGV 1 history TTL s | 2 most | 3 only entries made before this ms, or ""
-- Reply: how many were removed; 0 when none is left.
--#use now tally account crowd leave last_delivered lift
local moved, left, before, call = KEYS[5], tonumber(ARGV[2]), tonumber(ARGV[3]), redis.call
local root = string.match(KEYS[1], '^.-}:')
local removed, launched, now = 0, 0, now_ms()

local function remove(stream, entries)
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    if fields[3] == '@' then
      local id = string.match(fields[4], '"i":"([^"]+)"')
      if id then call('HDEL', moved, id) end
      launched = launched + account(moved, fields[4], {removed = 1}, now)
    end
    call('XDEL', stream, entry[1])
  end
  removed, left = removed + #entries, left - #entries
end

for level = 1, 4 do
  local stream, earlier = KEYS[level], removed
  local last = last_delivered(stream) -- what comes after it waits, and what was given back ("-") or is held ("~")
  local stop = before and ((before - 1) .. '') or '+'
  if left > 0 then remove(stream, call('XRANGE', stream, '(' .. last, stop, 'COUNT', left)) end
  for owner in string.gmatch('-~', '.') do
    local waiting = left > 0 and redis.pcall('XPENDING', stream, 'w', '-', stop, left, owner) or {}
    for _, pending in ipairs(waiting.err and {} or waiting) do
      local entries = call('XRANGE', stream, pending[1], pending[1])
      call('XACK', stream, 'w', pending[1])
      if owner == '~' and entries[1] then lift(root, string.match(stream, '[^:]*$'), pending[1], entries[1][2]) end
      remove(stream, entries)
    end
  end
  local name = string.match(stream, '[^:]*$')
  if #name > 1 and removed > earlier then leave(crowd_of(KEYS), {{name, removed - earlier, 0}}) end
end
tally(KEYS[6], KEYS[7], ARGV[1], now, 'purged', removed)
tally(KEYS[6], KEYS[7], ARGV[1], now, 'enqueued', launched)
return removed
