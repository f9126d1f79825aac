#!lua flags=no-writes,allow-stale
-- Running jobs, with who runs them.
-- KEYS 1-4 streams c h n l
-- ARGV 1 level index to begin at | 2 entry id to go on after, or "" | 3 most
-- Reply: {cursor level, cursor id, [level index, entry id, fields, worker, deliveries]...}; level 0: the end.
local call, left, found = redis.call, tonumber(ARGV[3]), {}
for level = tonumber(ARGV[1]), 4 do
  local stream, start = KEYS[level], '-'
  if level == tonumber(ARGV[1]) and ARGV[2] ~= '' then start = '(' .. ARGV[2] end
  local pending = redis.pcall('XPENDING', stream, 'w', start, '+', left)
  for _, entry in ipairs(pending.err and {} or pending) do
    if entry[2] ~= '-' then
      local body = call('XRANGE', stream, entry[1], entry[1])[1]
      if body then found[#found + 1] = {level, entry[1], body[2], entry[2], entry[4]} end
    end
    left = left - 1
    if left == 0 then return {level, entry[1], found} end
  end
end
return {0, '', found}
