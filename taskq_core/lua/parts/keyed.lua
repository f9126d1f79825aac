-- A job with a concurrency key comes in: claims are to look at the gates of jobs from now on. The two are marks, not
-- counts: a producer may write nothing but HINCRBY there.
local function keyed(meta, json)
  if not json or not string.find(json, '"q":"', 1, true) or redis.call('HGET', meta, 'gates') then return end
  for _, name in ipairs({'flow', 'gates'}) do redis.call('HINCRBY', meta, name, 1) end
end
