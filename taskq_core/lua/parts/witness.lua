-- "id task" of the first entries among argv[first..last], for those who follow what ends: as many as they wish.
--#use id_of
local function witness(wish, name, stream, argv, first, last)
  local seen = {}
  local most = math.min(tonumber(string.match(wish, '^%d+')), 1000)
  for at = first, math.min(last, first + most - 1) do
    local entry = redis.call('XRANGE', stream, argv[at], argv[at])[1]
    if entry then
      local fields = entry[2]
      local id = fields[3] == '@' and string.match(fields[4], '"i":"([^"]+)"')
      seen[#seen + 1] = (id or id_of(name, argv[at])) .. ' ' .. fields[1]
    end
  end
  return seen
end
