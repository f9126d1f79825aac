-- The keys of a queue's tenants, each made when it is asked for. As their streams they are not among the KEYS: they begin as
-- all of the queue do.
local function crowd_of(keys)
  local root = string.match(keys[1], '^.-}:')
  return setmetatable({root = root}, {__index = function(crowd, name)
    local found = root .. ({
      meta = 'meta', wake = 'wake', tat = 'tat',
      ring = 'ring', -- stream with waiting jobs -> "r" in the ring, "p" parked; "o", "q": some were given back; "e": it is gone
      lists = 'ring:', -- the rings themselves, a list for each level
      opens = 'ring:opens', -- parked tenants and when they are to be looked at again, at the latest
      all = 'tenants', set = 'tenants:set',
      sums = 'tenants:sums', -- c h n l: jobs in tenants' streams, C H N L: how many of them run
      done = 'tenants:done', -- how many jobs of each were done since it has any
      rooms = 'rooms', -- workers that may hold jobs of tenants; rooms:<worker>: in which streams
    })[name]
    crowd[name] = found
    return found
  end})
end
