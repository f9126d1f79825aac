-- An error reply when a queue has no room for some more jobs of so many bytes, else nil. `keys`: its streams,
-- `jobs` beside them.
-- The size is that of the server's memory, about: it looks at twenty parts of each key and takes the rest to be alike.
--#use crowd
local function full(meta, keys, jobs, more, bytes)
  local limits = redis.call('HMGET', meta, 'max_jobs', 'draining', 'max_bytes')
  if limits[2] then return redis.error_reply('DRAINING') end
  local most, largest = tonumber(limits[1] or 0), tonumber(limits[3] or 0)
  if most == 0 and largest == 0 then return nil end
  local crowd = crowd_of({keys.c})

  local function size(key) return redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 20) or 0 end

  local function of_tenants() -- as much a job as those of twenty of them take
    local counted, measured, total = 0, 0, 0
    for _, tenant in ipairs(redis.call('ZRANDMEMBER', crowd.all, 20)) do
      for level in string.gmatch('chnl', '%l') do
        local key = crowd.root .. level .. '@' .. tenant
        counted, measured = counted + redis.call('XLEN', key), measured + size(key)
      end
    end
    for _, n in ipairs(redis.call('HMGET', crowd.sums, 'c', 'h', 'n', 'l')) do total = total + (n or 0) end
    return counted > 0 and measured / counted * total or 0
  end

  if most > 0 then
    local depth = redis.call('HLEN', jobs)
    for _, key in pairs(keys) do depth = depth + redis.call('XLEN', key) end
    for _, n in ipairs(redis.call('HMGET', crowd.sums, 'c', 'h', 'n', 'l')) do depth = depth + (n or 0) end
    if depth + more > most then return redis.error_reply('QUEUEFULL ' .. most .. ' ' .. depth) end
  end
  if largest > 0 then
    local used = size(jobs)
    for _, key in pairs(keys) do used = used + size(key) end
    used = used + of_tenants()
    if used + bytes > largest then return redis.error_reply(string.format('QUEUEFULL %.0f %.0f bytes', largest, used)) end
  end
end
