-- Gives a uniqueness lock to a new job, as `rule` reads what was asked: a throttled one also says until when it is held.
local function take(lock, asked, id, now)
  local value = asked.throttle and string.format('%s %.0f', id, now + asked.throttle) or id
  redis.call('SET', lock, value, 'PX', asked.ttl)
end
