#!lua flags=allow-oom
-- Removes what a queue has any number of, tenants' streams, groups and lists of held jobs, a bounded step at a time, when
-- the queue is removed.
-- KEYS 1 tenants | 2 rooms | 3 groups | 4 opens
-- ARGV 1 most
-- Reply: how many keys were removed; 0 when none is left.
--#use crowd
local crowd, call, removed, most = crowd_of(KEYS), redis.call, 0, tonumber(ARGV[1])

local function forget(index, prefix) -- what is named in a sorted set; whether there may be more
  local found = call('ZRANGE', index, 0, most - 1)
  for _, name in ipairs(found) do removed = removed + call('UNLINK', crowd.root .. prefix .. name) end
  if #found > 0 then call('ZREM', index, unpack(found)) end
  return #found == most
end

local grouped, gated = forget(KEYS[3], 'group:'), forget(KEYS[4], 'held:')
local names = call('ZRANGE', KEYS[1], 0, most - 1)
for _, tenant in ipairs(names) do
  for level in string.gmatch('chnl', '%l') do removed = removed + call('UNLINK', crowd.root .. level .. '@' .. tenant) end
  call('ZREM', KEYS[1], tenant)
end
local workers = call('SRANDMEMBER', KEYS[2], ARGV[1])
for _, worker in ipairs(workers) do
  removed = removed + call('UNLINK', crowd.rooms .. ':' .. worker)
  call('SREM', KEYS[2], worker)
end
if grouped or gated or #names == most or #workers == most then return math.max(1, removed) end -- there may be more
for level in string.gmatch('chnl', '%l') do removed = removed + call('UNLINK', crowd.lists .. level) end
return removed + call('UNLINK', crowd.ring, crowd.opens, crowd.set, crowd.sums, crowd.done)
