#!lua flags=no-writes,allow-stale
-- Waiting jobs in the order they will be claimed: of each level what was given back, what limits hold, then the rest.
-- Those that may satisfy the conditions.
-- KEYS 1-4 streams c h n l
-- ARGV 1 level index to begin at | 2 "o" among the given back, "h" what is held or "s" in the stream | 3 id to go on after
--      4 most to find | 5 most to look at | 6 most bytes to read | 7 conditions as JSON, or ""
-- Reply: {cursor level, cursor part, cursor id, how many were looked at, [level index, entry id, fields]...};
--      level 0: the end.
--#use behind sift last_delivered
local CHUNK, call, looked, read, found = 32, redis.call, 0, 0, {}
local most, rows, bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local where = ARGV[7] ~= '' and cjson.decode(ARGV[7])
-- an entry is never older than its job, so what entered before cannot have been enqueued since
local since = where and where.since and string.format('%.0f-0', where.since) or '0-0'

local function later(a, b) return behind(a, b) and a or b end

local function look(level, entry) -- true when this step has had enough
  local fields = entry[2]
  looked, read = looked + 1, read + #fields[1] + #(fields[2] or '') + #(fields[4] or '')
  if not where or sift(where, fields[1], nil, '', fields[2] or '') then
    found[#found + 1] = {level, entry[1], fields}
  end
  return #found >= most or looked >= rows or read >= bytes
end

local function of_nobody(level, stream, from, owner)
  for _ = 1, rows, CHUNK do
    local start = from == '' and since or ('(' .. later(from, since))
    local orphans = redis.pcall('XPENDING', stream, 'w', start, '+', CHUNK, owner)
    if orphans.err or #orphans == 0 then return nil end
    for _, orphan in ipairs(orphans) do
      from = orphan[1]
      local body = call('XRANGE', stream, from, from)[1]
      if body and look(level, body) then return from end
    end
  end
end

for level = tonumber(ARGV[1]), 4 do
  local stream, part, from = KEYS[level], 'o', ''
  if level == tonumber(ARGV[1]) then part, from = ARGV[2], ARGV[3] end
  for _, kind in ipairs({'o', 'h'}) do
    if part == kind then
      local stopped = of_nobody(level, stream, from, kind == 'o' and '-' or '~')
      if stopped then return {level, kind, stopped, looked, found} end
      part, from = kind == 'o' and 'h' or 's', ''
    end
  end
  from = later(last_delivered(stream), from == '' and '0-0' or from)
  local start = later(since, from) == from and ('(' .. from) or since
  for _ = 1, rows + CHUNK, CHUNK do
    local entries = call('XRANGE', stream, start, '+', 'COUNT', CHUNK)
    for _, entry in ipairs(entries) do
      if look(level, entry) then return {level, 's', entry[1], looked, found} end
    end
    if #entries < CHUNK then break end
    start = '(' .. entries[#entries][1]
  end
end
return {0, '', '', looked, found}
