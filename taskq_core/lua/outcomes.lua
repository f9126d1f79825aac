#!lua flags=no-writes,allow-stale
-- How jobs ended whose outcome is kept. A result may be large, so only the head of an outcome is read.
-- KEYS 1.. result of each job
-- Reply: for each "done", "dead", "cancelled", or "" when nothing is kept.
local states = {}
for k = 1, #KEYS do
  local head = redis.call('GETRANGE', KEYS[k], 0, 31)
  states[k] = string.match(head, '^{"state":"(%l+)"') or ''
end
return states
