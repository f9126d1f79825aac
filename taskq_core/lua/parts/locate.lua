-- Where a job is: its stream and entry id, or nil. The id of a job that was ready at birth names its
-- entry; one that was promoted is noted in `moved`.
local function locate(id, streams, moved)
  local at = redis.call('HGET', moved, id) or id
  local stream, entry = streams[string.sub(at, 1, 1)], string.sub(at, 2)
  if stream and #redis.call('XRANGE', stream, entry, entry) == 1 then return stream, entry end
end
