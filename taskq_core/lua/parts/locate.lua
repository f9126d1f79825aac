-- Where a job is: its stream, entry id and the stream's name, or nil. The id of a job that was ready at birth names its
-- entry; one that was promoted is noted in `moved`.
--#use whose
local function locate(id, streams, moved)
  local at = redis.call('HGET', moved, id) or id
  local level, entry = string.match(at, '^(%l)(%d+%-%d+)')
  local name = level and level .. whose(id)
  local stream = name and streams[name]
  if stream and #redis.call('XRANGE', stream, entry, entry) == 1 then return stream, entry, name end
end
