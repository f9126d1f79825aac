#!lua flags=no-writes,allow-stale
-- Waiting jobs in the order they will be claimed: of each level what was given back, then the rest.
-- KEYS 1-4 streams c h n l
-- ARGV 1 level index to begin at | 2 "o" among the given back or "s" in the stream | 3 id to go on after | 4 most
-- Reply: {cursor level, cursor part, cursor id, [level index, entry id, fields]...}; level 0: the end.
local call, left, found = redis.call, tonumber(ARGV[4]), {}

local function last_delivered(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'w' then return group[8] end
  end
  return '0-0'
end

local function after(a, b) -- is entry id a behind b?
  local ams, aseq, bms, bseq = a:match('^%d+'), a:match('%d*$'), b:match('^%d+'), b:match('%d*$')
  if ams ~= bms then return tonumber(ams) > tonumber(bms) end
  return tonumber(aseq) > tonumber(bseq)
end

for level = tonumber(ARGV[1]), 4 do
  local stream, part, from = KEYS[level], 'o', ''
  if level == tonumber(ARGV[1]) then part, from = ARGV[2], ARGV[3] end
  if part == 'o' then
    local start = from == '' and '-' or ('(' .. from)
    local orphans = redis.pcall('XPENDING', stream, 'w', start, '+', left, '-')
    for _, orphan in ipairs(orphans.err and {} or orphans) do
      local body = call('XRANGE', stream, orphan[1], orphan[1])[1]
      if body then found[#found + 1] = {level, body[1], body[2]} end
      left = left - 1
      if left == 0 then return {level, 'o', orphan[1], found} end
    end
    from = ''
  end
  local last = last_delivered(stream)
  if from == '' or after(last, from) then from = last end
  for _, entry in ipairs(call('XRANGE', stream, '(' .. from, '+', 'COUNT', left)) do
    found[#found + 1] = {level, entry[1], entry[2]}
    left = left - 1
    if left == 0 then return {level, 's', entry[1], found} end
  end
end
return {0, '', '', found}
