-- The id of the last entry that ever came into a stream, or nil where there is none.
local function newest(stream)
  local info = redis.pcall('XINFO', 'STREAM', stream)
  for k = 1, #info, 2 do
    if info[k] == 'last-generated-id' then return info[k + 1] end
  end
end
