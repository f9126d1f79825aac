-- Counts new members of groups, `members` by id; a group that is not there is made, open to more. With `ask` nothing is
-- written: the reply is then an error when one of them takes no more, else nil.
local function enrol(any, members, now, ask)
  local root, call = string.match(any, '^.-}:'), redis.call
  for id, n in pairs(members) do
    local key = root .. 'group:' .. id
    local found = redis.pcall('HMGET', key, 'total', 'expected', 'open')
    local total = not found.err and tonumber(found[1] or nil)
    local room = found[3] and math.huge or tonumber(found[2] or 0)
    if ask and (found.err or total and total + n > room) then
      return redis.error_reply('GROUPCLOSED ' .. id .. ' ' .. (total or 0))
    elseif not ask and total then
      call('HSET', key, 'total', string.format('%.0f', total + n))
    elseif not ask and n > 0 then
      call('HSET', key, 'total', n, 'created', now, 'when', 'done', 'open', 1)
      call('ZADD', root .. 'groups', 'inf', id)
    end
  end
end
