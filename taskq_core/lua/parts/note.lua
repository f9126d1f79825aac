-- Notes a run of a schedule: the latest first, as lines of due ms, server ms, outcome and job id.
local function note(runs, name, kept, row)
  local lines = {table.concat(row, ' ')}
  for line in string.gmatch(redis.call('HGET', runs, name .. ':runs') or '', '[^\n]+') do
    if #lines < tonumber(kept) then lines[#lines + 1] = line end
  end
  redis.call('HSET', runs, name .. ':runs', table.concat(lines, '\n'))
end
