-- The keys of a queue's tenants. As their streams they are not among the KEYS: they begin as all of the queue do.
local function crowd_of(keys)
  local root = string.match(keys[1], '^.-}:')
  return {
    root = root, meta = root .. 'meta', wake = root .. 'wake', tat = root .. 'tat',
    ring = root .. 'ring', -- stream with waiting jobs -> "r" in the ring, "p" parked; "o", "q": some were given back
    lists = root .. 'ring:', -- the rings themselves, a list for each level
    opens = root .. 'ring:opens', -- parked tenants and when they are to be looked at again, at the latest
    all = root .. 'tenants', set = root .. 'tenants:set',
    sums = root .. 'tenants:sums', -- c h n l: jobs in tenants' streams, C H N L: how many of them run
    done = root .. 'tenants:done', -- how many jobs of each were done since it has any
    rooms = root .. 'rooms', -- workers that may hold jobs of tenants; rooms:<worker>: in which streams
  }
end
