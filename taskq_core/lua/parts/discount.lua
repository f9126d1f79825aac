-- Counts in their groups jobs that are about to be removed from a hash of records; where the queue has no groups none of
-- them is looked at. Returns how many callbacks that enqueued.
--#use account
local function discount(hash, ids, changes, now)
  local launched = 0
  if redis.call('EXISTS', string.match(hash, '^.-}:') .. 'groups') == 0 then return 0 end
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', hash, id)
    if record then launched = launched + account(hash, record, changes, now) end
  end
  return launched
end
