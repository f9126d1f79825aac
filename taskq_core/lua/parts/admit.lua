-- An error reply when a batch must be refused, else nil. Runs before the first write.
-- `groups` start at `first`, each `head` arguments and then its payloads; the third one is the count.
local function refusal(argv, first, head, largest, limit, depth)
  local total, i = 0, first
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
