-- Whether a stream has so many held jobs that it is not read on: a tenant's has fewer.
local function laden(name, stream)
  local pending = redis.pcall('XPENDING', stream, 'w')
  for _, consumer in ipairs(pending.err and {} or pending[4] or {}) do
    if consumer[1] == '~' then return tonumber(consumer[2]) >= (#name > 1 and 1000 or 100000) end
  end
  return false
end
