-- In whose name an entry is; nil where nobody was handed it, or its stream is gone.
local function owner_of(stream, entry)
  local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
  return not pending.err and pending[1] and pending[1][2] or nil
end
