#!lua flags=no-writes,allow-stale
-- Groups of a queue: those that have not ended first, by id, then the others, by when they are forgotten.
-- KEYS 1 groups of the queue
-- ARGV 1 one id, or "" for a stretch of all: | 2 rank of the first | 3 rank of the last
-- Reply: for each {id, field, value...}; of the callback only its first line. Those that are gone are left out.
local groups, id, call, found = KEYS[1], ARGV[1], redis.call, {}
local prefix = string.match(groups, '^.-}:') .. 'group:'
local ids = id ~= '' and {id} or call('ZREVRANGE', groups, ARGV[2], ARGV[3])
local NAMES = {'total', 'expected', 'done', 'dead', 'cancelled', 'removed', 'open', 'finished', 'when', 'keep', 'created',
  'job', 'callback'}
for _, each in ipairs(ids) do
  local values = redis.pcall('HMGET', prefix .. each, unpack(NAMES))
  if not values.err and values[1] then
    local row = {each}
    for k, name in ipairs(NAMES) do
      if values[k] then
        row[#row + 1] = name
        row[#row + 1] = name == 'callback' and string.match(values[k], '^[^\n]*') or values[k]
      end
    end
    found[#found + 1] = row
  end
end
return found
