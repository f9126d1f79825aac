-- The id of the last entry of a stream that was ever handed to a worker; what follows waits.
local function last_delivered(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'w' then return group[8] end
  end
  return '0-0'
end
