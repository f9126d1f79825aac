-- Takes up to `want` jobs of a level from its tenants in turn: deficit round robin, with jobs as the unit and `turn` times a
-- tenant's weight as its quantum. Returns how many, and the streams they came from. `draw(name, most, given_back)` takes
-- from one stream; it returns how many, what is left there ("more", "none", "other": nothing for this worker, or "stop": no
-- more at all), and whether nothing given back is left. `sweep(names, most)`: from several at once, see parts/abreast.
-- Where `want` is twice what a round brings, several are taken at once. Who has nothing, or is at a limit, leaves the ring.
--#use serve quotas abreast
local function rotate(crowd, level, want, turn, catch, us)
  local call, list, at = redis.call, crowd.lists .. level, level .. '@'
  local taken, held, dry, stop = 0, {}, {}, false

  local function pass(names) -- how many stay in the ring of whom this worker can have nothing
    local fields, back, out, passed, idle = {}, {}, {}, 0, 0
    for k, tenant in ipairs(names) do fields[k] = at .. tenant end
    local states, settings = call('HMGET', crowd.ring, unpack(fields)), call('HMGET', crowd.set, unpack(names))
    local found, weights = quotas(crowd, level, names, settings, dry, want, turn)
    local all = {fields = fields, states = states, settings = settings, found = found}
    local swept = catch.sweep and abreast(names, all, want, dry, catch.sweep) or {}
    for k, tenant in ipairs(names) do
      if want <= 0 or stop then break end
      local name, got, left = tenant == '' and level or fields[k], 0, 'other'
      if swept[k] then got, left = swept[k], swept[k] < found[k] and 'none' or 'more'
      elseif states[k] == 'e' then left = 'none'
      elseif not dry[tenant] then
        got, left = serve(crowd, name, settings[k], states[k], math.min(found[k], want), catch.draw, us)
      end
      taken, want, stop = taken + got, want - got, left == 'stop'
      if got > 0 and tenant ~= '' then held[#held + 1] = name end
      local rest = left == 'more' and want <= 0 and (found[k] - got) % (turn * weights[k]) or 0
      dry[tenant] = left ~= 'more'
      if rest > 0 then -- its turn goes on with the next claim
        call('HSET', crowd.ring, '+' .. level, tenant .. ' ' .. rest)
        break
      end
      passed = k
      if left == 'none' and tenant ~= '' then out[#out + 1] = name
      elseif left == 'park' and tenant ~= '' then call('HSET', crowd.ring, name, states[k] == 'o' and 'q' or 'p')
      else
        back[#back + 1] = tenant
        if got == 0 then idle = idle + 1 end
      end
    end
    if #out > 0 then call('HDEL', crowd.ring, unpack(out)) end
    if #back == 1 and back[1] == '' and passed == call('LLEN', list) then back = {} end -- the last tenant has left
    call('LTRIM', list, passed, -1)
    if #back > 0 then call('RPUSH', list, unpack(back)) end
    return idle
  end

  if call('EXISTS', list) == 0 then return (catch.draw(level, want, true)), held end
  local idle = 0
  for _ = 1, 100 do
    if want <= 0 or stop or idle >= math.max(1, call('LLEN', list)) then break end
    local before, names = taken, call('LRANGE', list, 0, math.ceil(want / turn) + 15)
    if #names == 0 then break end
    idle = idle + pass(names)
    if taken > before then idle = 0 end
  end
  if want > 0 and not stop and not dry[''] and call('EXISTS', list) == 0 then -- the others are gone, or parked
    taken = taken + (catch.draw(level, want, true))
  end
  return taken, held
end
