-- An error reply when a batch must be refused, else nil. Runs before the first write.
-- `groups` start at `first`, each `head` arguments and then its payloads; the third one is the count.
-- `limits`: the queue's max_jobs and draining, as they are in its meta.
local function refusal(argv, first, head, largest, limits, depth)
  if limits[2] then return redis.error_reply('DRAINING') end
  local limit, total, i = tonumber(limits[1] or 0), 0, first
  while argv[i] do
    local count = tonumber(argv[i + 2])
    for j = i + head, i + head + count - 1 do
      if #argv[j] > largest then return redis.error_reply('TOOLARGE ' .. #argv[j] .. ' ' .. largest) end
    end
    total, i = total + count, i + head + count
  end
  if limit > 0 and depth() + total > limit then
    return redis.error_reply('QUEUEFULL ' .. limit .. ' ' .. depth())
  end
end
