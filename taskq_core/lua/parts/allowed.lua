-- How many more jobs a tenant may start now by its settings, "weight max_running max_waiting paused rate…"; ms after which
-- to look again where that is none, or nil while it is paused; and a function that notes how many did.
--#use gcra busy
local function allowed(crowd, tenant, settings, us)
  local most, paused, rate = string.match(settings, '^%d+ (%d+) %d+ (%d) ?(.*)$')
  if paused == '1' then return 0 end
  local room = tonumber(most or 0) > 0 and tonumber(most) or math.huge
  for level in string.gmatch(room < math.huge and 'chnl' or '', '%l') do
    room = room - busy(crowd.root .. level .. '@' .. tenant)
  end
  local may, wait, spend = gcra(crowd.tat, '@' .. tenant, rate, us)
  -- a place is freed by an event; that one may get lost costs a minute
  return math.max(0, math.min(room, may)), may > 0 and 60000 or wait, spend
end
