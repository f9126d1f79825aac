#!lua flags=allow-oom
-- Removes tenants' streams, a bounded step at a time, when their queue is removed.
-- KEYS 1 tenants | 2 rooms
-- ARGV 1 most
-- Reply: how many keys were removed; 0 when none is left.
--#use crowd
local crowd, call, removed = crowd_of(KEYS), redis.call, 0
local names = call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
for _, tenant in ipairs(names) do
  for level in string.gmatch('chnl', '%l') do removed = removed + call('UNLINK', crowd.root .. level .. '@' .. tenant) end
  call('ZREM', KEYS[1], tenant)
end
local workers = call('SRANDMEMBER', KEYS[2], ARGV[1])
for _, worker in ipairs(workers) do
  removed = removed + call('UNLINK', crowd.rooms .. ':' .. worker)
  call('SREM', KEYS[2], worker)
end
local most = tonumber(ARGV[1])
if #names == most or #workers == most then return math.max(1, removed) end -- there may be more
for level in string.gmatch('chnl', '%l') do removed = removed + call('UNLINK', crowd.lists .. level) end
return removed + call('UNLINK', crowd.ring, crowd.opens, crowd.set, crowd.sums, crowd.done)
