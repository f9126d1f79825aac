-- Which entries from one to another a worker has, as a set: at most so many of them, in one call.
local function holdings(stream, first, last, most, worker)
  local found, rows = {}, redis.pcall('XPENDING', stream, 'w', first, last, most, worker)
  for _, row in ipairs(rows.err and {} or rows) do found[row[1]] = true end
  return found
end
