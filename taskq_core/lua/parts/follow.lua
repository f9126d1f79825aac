-- Enqueues the next link of a chain: stream, task, meta JSON, delay in ms and payload. At once into its stream, but for
-- that of a tenant, who has to have his turn among the others: there it is promoted, as what is delayed.
--#use keyed
local function follow(streams, link, now, keys)
  local name, task, json, delay, payload = unpack(link)
  if delay == '0' and #name == 1 then
    redis.call('XADD', streams[name], '*', task, payload, '@', json)
    keyed(keys.meta, json)
  else
    local id = 's' .. now .. '-' .. redis.call('HINCRBY', keys.meta, 'seq', 1) .. string.sub(name, 2)
    local about = '{"i":"' .. id .. '",' .. string.sub(json, 2)
    redis.call('HSET', keys.jobs, id, string.sub(name, 1, 1) .. ' ' .. task .. '\n' .. about .. '\n\n' .. payload)
    redis.call('ZADD', keys.due, now + delay, id)
  end
end
