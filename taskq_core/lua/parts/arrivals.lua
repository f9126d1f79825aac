-- The streams of tenants that jobs of one call come into: each is made and given a turn once, and the jobs are counted at the
-- end. `add(name, stream, now, n)` returns the id of the first entry, as `open`.
--#use open
local function arrivals(crowd)
  local firsts, sums, came = {}, {}, {}
  function came.add(name, stream, now, n)
    local level = string.sub(name, 1, 1)
    sums[level] = (sums[level] or 0) + n
    firsts[name] = firsts[name] or open(crowd, name, stream, now, 0)
    return firsts[name]
  end
  function came.settle()
    for level, n in pairs(sums) do redis.call('HINCRBY', crowd.sums, level, n) end
  end
  return came
end
