-- The notes of a job: a hash of the run that wrote last, its progress, and lines under their numbers: "attempt ms text".
-- Whoever may write there may have written anything, so what is read counts only where it is a number. Returns nil where
-- the key is another type. `tell` (or nil) is called with what is new: its kind, and "attempt ms …".
local function chronicle(key, run, attempt, tell)
  local call, book = redis.call, {}
  local head = redis.pcall('HMGET', key, 'run', 'progress', 'note', 'last', 'n', 'first', 'bytes', 'skipped')
  if head.err then return nil end

  local function whole(text) return text and #text <= 15 and string.match(text, '^%d+$') and tonumber(text) end

  local told, words = head[2], head[3]
  local last, n, first = whole(head[4]) or 0, whole(head[5]) or 0, whole(head[6]) or 1
  local bytes, skipped = whole(head[7]) or 0, whole(head[8]) or 0
  if head[1] ~= run then -- another run: what the last one said of its progress is over
    if head[1] then call('HDEL', key, 'progress', 'note', 'at') end
    last, told = 0, nil
  end

  local function name(number) return string.format('%.0f', number) end

  local row = {'run', run, 'attempt', attempt}
  local function put(field, value) row[#row + 1], row[#row + 2] = field, value end

  function book.progress(fraction, note, ms)
    put('progress', fraction)
    put('note', note)
    put('at', ms)
    if tell and (fraction ~= told or note ~= words) then tell('progress', table.concat({attempt, ms, fraction, note}, ' ')) end
  end

  function book.line(number, ms, text)
    if number <= last then return end -- a repeat
    skipped, last, n, bytes = skipped + number - last - 1, number, n + 1, bytes + #text
    local line = attempt .. ' ' .. ms .. ' ' .. text
    put(name(n), line)
    if tell then tell('log', line) end
  end

  function book.close(lines, most, added, ttl)
    call('HSET', key, unpack(row))
    for _ = 1, lines + added do
      if first > n or (n - first < lines and bytes <= most) then break end
      local text = string.match(call('HGET', key, name(first)) or '', '^%S+ %S+ (.*)$') or ''
      call('HDEL', key, name(first))
      bytes, first, skipped = bytes - #text, first + 1, skipped + 1
    end
    call('HSET', key, 'last', name(last), 'n', name(n), 'first', name(first), 'bytes', name(bytes), 'skipped', name(skipped))
    call('PEXPIRE', key, ttl)
  end

  return book
end
