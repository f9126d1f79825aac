-- Whether a worker may end an entry: it has it, or nobody has, for after a failover that lost the claim it waits again.
--#use held waits
local function mine(stream, entry, worker)
  if held(stream, entry, worker) then return true end
  if #redis.pcall('XRANGE', stream, entry, entry) == 0 then return false end
  local pending = redis.pcall('XPENDING', stream, 'w', entry, entry, 1)
  return pending.err or not pending[1] or waits(pending[1][2])
end
