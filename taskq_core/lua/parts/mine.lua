-- Whether a worker may end an entry: it has it, or nobody has, for after a failover that lost the claim it waits again.
--#use held waits owner_of
local function mine(stream, entry, worker)
  if held(stream, entry, worker) then return true end
  if #redis.pcall('XRANGE', stream, entry, entry) == 0 then return false end
  local who = owner_of(stream, entry)
  return not who or waits(who)
end
