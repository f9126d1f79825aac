-- How a claim takes what was given back in a stream: returns a function of its name and of the most to take, which returns how
-- many came and whether none are left. A suspect is taken alone, or not at all. `hand` takes entries in (see catch).
local function given_back(catch, at, lot, hand)
  local call, streams = redis.call, at.streams
  return function(name, most)
    local stream, ids, counts, left = streams[name], {}, {}, 0
    local pending = redis.pcall('XPENDING', stream, 'w', '-', '+', most + 100, '-')
    if pending.err then -- the group is missing: the stream was deleted, or a producer made it
      if #name > 1 and call('EXISTS', stream) == 0 then return 0, true end
      call('XGROUP', 'CREATE', stream, 'w', '0', 'MKSTREAM')
      if #name == 1 then catch.gone = catch.gone .. name end
      return 0, true
    end
    for _, entry in ipairs(pending) do
      local suspect = entry[4] >= at.suspect
      local body = suspect and lot and call('XRANGE', stream, entry[1], entry[1])[1]
      local shut = body and lot.shut(name, entry[1], body[2])
      if suspect and not shut and at.alone and #ids + #catch.batches == 0 then catch.state = 'alone' end
      if suspect and catch.state ~= 'alone' or #ids >= most then
        catch.suspects, left = catch.suspects + ((suspect and not shut) and 1 or 0), left + 1
      else
        ids[#ids + 1], counts[entry[1]] = entry[1], entry[4]
      end
      if catch.state == 'alone' then break end
    end
    if #ids == 0 then return 0, left == 0 end
    return hand(name, call('XCLAIM', stream, 'w', at.worker, 0, unpack(ids)), counts), left == 0
  end
end
