-- Tells those who follow the queue what ended: some by name, then how many more. `wish` is what they left in `tail`:
-- most of a batch, entries kept, ms they are kept. The jobs have ended by now, so nothing here may fail.
local function publish(wish, events, state, seen, total)
  local most, kept, ttl = string.match(wish, '^(%d+) (%d+) (%d+)$')
  if total == 0 then return end
  local named = math.min(#seen, tonumber(most), total)
  local function add(name, about) redis.pcall('XADD', events, 'MAXLEN', '~', kept, '*', name, about) end
  for k = 1, named do add(state, seen[k]) end
  if total > named then add('more', state .. ' ' .. (total - named)) end
  redis.pcall('PEXPIRE', events, ttl)
end
