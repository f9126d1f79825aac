-- A tenant's stream has waiting jobs: its tenant takes part in the round of that level, once, or stays parked. It may be in
-- the ring still though its stream was gone ("e").
-- The jobs without a tenant are a member too, "", for as long as there are others.
local function enlist(crowd, name, given_back)
  local call, before = redis.call, redis.call('HGET', crowd.ring, name)
  if before == 'o' or before == 'q' or (before and before ~= 'e' and not given_back) then return end
  if before then
    call('HSET', crowd.ring, name, before == 'p' and 'q' or given_back and 'o' or 'r')
    return
  end
  call('HSET', crowd.ring, name, given_back and 'o' or 'r')
  local list = crowd.lists .. string.sub(name, 1, 1)
  if call('RPUSH', list, string.sub(name, 3)) == 1 then call('LPUSH', list, '') end
end
