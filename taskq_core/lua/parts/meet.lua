-- What a job meets whose key may be taken: nil when it is free for it; else a word for the reply, and whether somebody is
-- to be woken. The word names the holder behind marks: ">" it waits until later, "~" it has the new payload; or "="
-- nothing was done: "=!" a worker has it, "=1763951767123:" the key is held until then, whatever becomes of the holder.
-- A debounced call finds only a debounced job that still waits for its time: one that is on its way has its key taken.
-- `asked`: as `rule` reads it. `new`: {task, payload, at, now}; a holder of another task is left as it is.
--#use holder sight swap
local function meet(lock, asked, new, queue, add)
  local id, free = holder(lock, new.now, queue)
  if not id then return nil end
  local plain = '=' .. (free ~= '' and free .. ':' or '')
  if not (asked.debounce or asked.replace) then return plain .. id end
  local it = sight(id, queue)
  if not it then return plain .. id end
  local most, marks, wakes = string.match(it.json, '[{,]"w":%[%d+,(%d+)%]'), '', false
  if asked.debounce and most then
    if not it.record or string.find(it.json, '[{,]"a":') then return nil end
    if it.task == new.task then
      -- its id tells when it was first asked for
      local at = math.min(new.at, tonumber(string.match(id, '%d+')) + tonumber(most))
      local before = tonumber(redis.call('ZSCORE', queue.due, id) or at)
      redis.call('ZADD', queue.due, at, id)
      marks, wakes = '>', at < before and redis.call('ZRANGE', queue.due, 0, 0)[1] == id
    end
  end
  if asked.replace and it.task == new.task and not it.runs then
    swap(id, it, new, queue, add)
    marks = marks .. '~'
  end
  if marks == '' then marks = plain .. (it.runs and '!' or '') end
  return marks .. id, wakes
end
