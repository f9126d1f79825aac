-- How many jobs and bytes a batch brings, or an error reply when it cannot be right. Runs before the first write: there
-- is no way back, and whoever may call may send anything, so all that a write could stumble over is looked at. In the
-- third place: how many of them are members of which group, or nil; in the fourth whether any is a tenant's.
-- `groups` start at `first`: stream, task, count, delay, meta, lock, what is asked of it, and count payloads.
local function admit(argv, first, largest)
  local HEAD, MOST, HARD, BATCH, META, CHAIN = 7, 1000, 1048576, 8388608, 4096, 196608
  local total, bytes, i, members, tenants = 0, 0, first, nil, false
  largest = math.min(tonumber(largest) or 0, HARD)

  local function wrong(what) return nil, redis.error_reply('MALFORMED ' .. what) end

  while argv[i] do
    local level, task, count, delay, meta, lock, ttl = unpack(argv, i, i + 6)
    count = string.match(count or '', '^[1-9]%d*$') and tonumber(count) or 0
    if count < 1 or total + count > MOST then return wrong('a call adds 1 to ' .. MOST .. ' jobs') end
    if not argv[i + HEAD + count - 1] then return wrong('payloads are missing') end
    local own = string.match(level, '^[chnl]@[a-z0-9][a-z0-9._-]*$') and #level <= 66
    if not own and not string.match(level, '^[chnl]$') then return wrong('no such level') end
    tenants = tenants or own
    if #task > 128 or not string.match(task, '^[%a_][%w._-]*$') then return wrong('no name for a task') end
    if delay ~= '' and not (string.match(delay, '^[+-]?%d+$') and #delay <= 16) then return wrong('no such time') end
    local most = string.find(meta, '"n":"', 1, true) and math.min(CHAIN, BATCH / count) or META
    if #meta > most then return wrong('options are too large') end
    local group = meta ~= '' and member(meta)
    if group then
      members = members or {}
      members[group] = (members[group] or 0) + count
    end
    if lock ~= '' and not rule(ttl) then return wrong('no such lock TTL') end
    for j = i + HEAD, i + HEAD + count - 1 do
      if #argv[j] > largest then return nil, redis.error_reply('TOOLARGE ' .. #argv[j] .. ' ' .. largest) end
      bytes = bytes + #argv[j]
    end
    if bytes > BATCH then return wrong('a call adds at most ' .. BATCH .. ' bytes') end
    total, i = total + count, i + HEAD + count
  end
  return total, bytes, members, tenants
end
