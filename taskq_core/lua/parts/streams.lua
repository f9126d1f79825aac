-- A queue's streams by name: "c", "h", "n" and "l" are its levels, "n@acme" is what a tenant has at one. `keys` are those
-- of the levels. A tenant's are not among the KEYS: whose they are is known only here, and they begin as the others do.
local function streams_of(keys)
  local root = string.match(keys[1], '^.*:')
  local streams = {c = keys[1], h = keys[2], n = keys[3], l = keys[4]}
  return setmetatable(streams, {__index = function(_, name)
    if not string.find(name, '^[chnl]@[a-z0-9][a-z0-9._-]*$') or #name > 66 then return nil end
    streams[name] = root .. name
    return streams[name]
  end})
end
