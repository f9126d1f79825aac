-- What a claim takes out of streams, and puts together for its reply: batches, seen, suspects, state, gone; `seated`: how
-- many were tenants'. `at`: streams, worker, suspect (deliveries that make one), alone. `lot` keeps what has to wait.
local function catching(at, lot)
  local call, pcall, streams, worker = redis.call, redis.pcall, at.streams, at.worker
  local catch = {batches = {}, seen = {}, suspects = 0, state = 'ok', gone = '', seated = 0}

  local function hand(name, entries, counts) -- `counts`: how often each was handed out before
    if lot then entries = lot.sift(name, entries, counts) end
    for _, entry in ipairs(counts and entries or {}) do
      if counts[entry[1]] > 0 then catch.seen[#catch.seen + 1] = {name, entry[1], counts[entry[1]]} end
    end
    if #entries > 0 then catch.batches[#catch.batches + 1] = {name, entries} end
    if #name > 1 then catch.seated = catch.seated + #entries end
    return #entries
  end

  function catch.one(name, entry, count) -- one that a limit held
    catch.batches[#catch.batches + 1] = {name, call('XCLAIM', streams[name], 'w', worker, 0, entry)}
    if count > 0 then catch.seen[#catch.seen + 1] = {name, entry, count} end
  end

  function catch.orphans(name, most) -- how many of those that were given back, and whether none are left
    local stream, ids, counts, left = streams[name], {}, {}, 0
    local pending = pcall('XPENDING', stream, 'w', '-', '+', most + 100, '-')
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
    return hand(name, call('XCLAIM', stream, 'w', worker, 0, unpack(ids)), counts), left == 0
  end

  -- Takes up to `most` jobs of one stream. Returns how many, what is left there ("more", "none", "other": nothing for
  -- this worker, "stop": no more in this call), and whether nothing given back is left.
  function catch.draw(name, most, given_back)
    local got, clean, stream = 0, true, streams[name]
    if given_back then got, clean = catch.orphans(name, most) end
    while got < most and catch.state ~= 'alone' do
      if lot and not lot.open(name, stream) then return got, 'other', clean end
      local ask = lot and math.min(most - got, lot.left) or most - got
      local found = pcall('XREADGROUP', 'GROUP', 'w', worker, 'COUNT', ask, 'STREAMS', stream, '>')
      local entries = found and not found.err and found[1][2] or {}
      got = got + hand(name, entries)
      if #entries < ask then return got, clean and 'none' or 'other', clean end
      if lot and lot.left <= 0 then return got, 'stop', clean end
    end
    return got, catch.state == 'alone' and 'stop' or 'more', clean
  end

  return catch
end
