-- What a claim takes out of streams, and puts together for its reply: batches, seen, suspects, state, gone; `seated`: how
-- many were tenants'. `at`: streams, worker, suspect (deliveries that make one), alone. `lot` keeps what has to wait.
--#use given_back
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

  catch.orphans = given_back(catch, at, lot, hand)

  -- Takes up to `most` jobs of each of the streams; returns how many, by name, or nil where one of them is not there.
  -- Not for jobs with limits: how many of these a call may look at is counted one by one.
  if not lot then
    function catch.sweep(names, most)
      local ask, marks, found, counts = {'GROUP', 'w', worker, 'COUNT', most, 'STREAMS'}, {}, nil, {}
      for k, name in ipairs(names) do ask[6 + k], ask[6 + #names + k], marks[streams[name]] = streams[name], '>', name end
      found = pcall('XREADGROUP', unpack(ask))
      if found and found.err then return nil end
      for _, one in ipairs(found or {}) do counts[marks[one[1]]] = hand(marks[one[1]], one[2]) end
      return counts
    end
  end

  -- Takes up to `most` jobs of one stream. Returns how many, what is left there ("more", "none", "other": nothing for
  -- this worker, "stop": no more in this call), and whether nothing given back is left.
  function catch.draw(name, most, given_back)
    local got, clean, stream = 0, true, streams[name]
    while given_back do -- until none are left: those that have to wait are put aside, and others may run behind them
      local n, before = 0, lot and lot.left
      n, clean = catch.orphans(name, most - got)
      got = got + n
      given_back = not clean and got < most and lot and lot.left > 0 and (n > 0 or lot.left < before) and catch.state ~= 'alone'
    end
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
