-- What is pending of an entry in a worker's name, or nil; nil too when the stream was deleted meanwhile, and its group.
local function held(stream, entry, worker)
  local found = redis.pcall('XPENDING', stream, 'w', entry, entry, 1, worker)
  if found.err and string.find(found.err, 'NOGROUP', 1, true) then return nil end
  if found.err then error(found.err, 0) end
  return found[1]
end
