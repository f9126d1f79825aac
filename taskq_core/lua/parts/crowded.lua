-- An error reply when a batch (as `admit` reads it) brings a tenant more ready jobs than it may have waiting, else nil.
--#use busy
local function crowded(crowd, argv, first)
  local HEAD, call, more, i = 7, redis.call, {}, first
  if call('EXISTS', crowd.set) == 0 then return end
  while argv[i] do
    local tenant, count = string.sub(argv[i], 3), tonumber(argv[i + 2])
    if tenant ~= '' and argv[i + 3] == '' then more[tenant] = (more[tenant] or 0) + count end
    i = i + HEAD + count
  end

  local function waiting(tenant)
    local n = 0
    for level in string.gmatch('chnl', '%l') do
      local stream = crowd.root .. level .. '@' .. tenant
      n = n + call('XLEN', stream) - busy(stream)
    end
    return n
  end

  for tenant, n in pairs(more) do
    local most = tonumber(string.match(call('HGET', crowd.set, tenant) or '', '^%d+ %d+ (%d+)') or 0)
    local depth = most > 0 and waiting(tenant) or 0
    if most > 0 and depth + n > most then return redis.error_reply(string.format('TENANTFULL %.0f %.0f %s', most, depth, tenant)) end
  end
end
