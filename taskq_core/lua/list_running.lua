#!lua flags=no-writes,allow-stale
-- Running jobs that may satisfy the conditions, with who runs them.
-- KEYS 1-4 streams c h n l
-- ARGV 1 level index to begin at | 2 entry id to go on after, or "" | 3 most to find | 4 most to look at
--      5 most bytes to read | 6 conditions as JSON, or ""
-- Reply: {cursor level, cursor id, how many were looked at,
--      [level index, entry id, fields, worker, deliveries]...}; level 0: the end.
--#use waits sift
local CHUNK, call, looked, read, found = 64, redis.call, 0, 0, {}
local most, rows, bytes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local where = ARGV[6] ~= '' and cjson.decode(ARGV[6])

local function look(level, stream, pending) -- true when this step has had enough
  looked = looked + 1
  local body = not waits(pending[2]) and call('XRANGE', stream, pending[1], pending[1])[1]
  local fields = body and body[2]
  if fields then
    read = read + #fields[1] + #(fields[2] or '') + #(fields[4] or '')
    if not where or sift(where, fields[1], nil, '', fields[2] or '') then
      found[#found + 1] = {level, pending[1], fields, pending[2], pending[4]}
    end
  end
  return #found >= most or looked >= rows or read >= bytes
end

for level = tonumber(ARGV[1]), 4 do
  local stream, start = KEYS[level], '-'
  if level == tonumber(ARGV[1]) and ARGV[2] ~= '' then start = '(' .. ARGV[2] end
  for _ = 1, rows + CHUNK, CHUNK do
    local pending = redis.pcall('XPENDING', stream, 'w', start, '+', CHUNK)
    if pending.err or #pending == 0 then break end
    for _, entry in ipairs(pending) do
      if look(level, stream, entry) then return {level, entry[1], looked, found} end
    end
    start = '(' .. pending[#pending][1]
  end
end
return {0, '', looked, found}
