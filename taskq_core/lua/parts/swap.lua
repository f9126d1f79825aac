-- Gives a waiting job (as `sight` sees it) another payload; it keeps its id, its options and its attempts. One that is in a
-- stream goes to the end of it: an entry cannot be changed. `add` adds an entry and returns its id.
--#use crowd open keyed
local function swap(id, it, new, queue, add)
  if it.record then
    local head = string.match(it.record, '^[^\n]*\n[^\n]*\n[^\n]*\n')
    redis.call('HSET', queue.jobs, id, head .. new.payload)
    return
  end
  local json, begun = it.json, tonumber(it.begun)
  local function put(name, value)
    json = '{' .. name .. value .. (json == '{}' and '}' or ',' .. string.sub(json, 2))
  end
  if begun > 0 then
    local made = tonumber(string.match(json, '[{,]"a":(%d+)') or 0)
    local changed, found = string.gsub(json, '([{,]"a":)%d+', '%1' .. made + begun)
    if found > 0 then json = changed else put('"a":', begun) end
  end
  if not string.find(json, '[{,]"i":"') then put('"i":', '"' .. id .. '"') end
  if it.delivered then redis.call('XACK', it.stream, 'w', it.entry) end
  redis.call('XDEL', it.stream, it.entry)
  -- where a limit held it, its tenant may be out of the round
  if #it.name > 1 then open(crowd_of({queue.streams.c}), it.name, it.stream, new.now, 0) end
  keyed(string.match(it.stream, '^.-}:') .. 'meta', json) -- as one that has come just now: see parts/lull
  redis.call('HSET', queue.moved, id, string.sub(it.name, 1, 1) .. add(it.name, it.task, json, new.payload))
end
