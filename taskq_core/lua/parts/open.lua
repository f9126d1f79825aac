-- `n` jobs are about to come into a tenant's stream: it is made where it is not there, they are counted, and its tenant
-- takes part in the round. Returns the id of the first entry, "*" for the server's choice: a stream that was deleted
-- when it was empty must never give out an id again. `n` 0: who calls counts them.
--#use enlist
local function open(crowd, name, stream, now, n)
  local call, first = redis.call, '*'
  if call('EXISTS', stream) == 0 then
    call('XGROUP', 'CREATE', stream, 'w', '0', 'MKSTREAM')
    call('ZADD', crowd.all, 0, string.sub(name, 3))
    if call('HEXISTS', crowd.meta, 'flow') == 0 then call('HINCRBY', crowd.meta, 'flow', 1) end
    local last = tonumber(call('HGET', crowd.meta, 'born') or 0)
    if now <= last then first = string.format('%.0f-0', last + 1) end
  end
  if n > 0 then call('HINCRBY', crowd.sums, string.sub(name, 1, 1), n) end
  enlist(crowd, name)
  return first
end
