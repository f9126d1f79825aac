-- A job with a concurrency key comes in: claims are to look at the gates of jobs from now on, until `lull` sees that none is
-- left. For that they are counted (`flow` is only a mark); a producer may write nothing but HINCRBY there.
local function keyed(meta, json)
  if not json or not string.find(json, '"q":"', 1, true) then return end
  if redis.call('HINCRBY', meta, 'gates', 1) == 1 then redis.call('HINCRBY', meta, 'flow', 1) end
end
