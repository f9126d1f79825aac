-- Claims of a queue without limits, tenants and jobs with concurrency keys need not look for any: then the marks that tell
-- them to (`flow`, `gates`) are taken away. Jobs with a key cannot be told from others without reading all, so that takes
-- two looks: how many had come when the first one was made is still right, and what had come then is gone. Returns what the
-- next look needs, or "", or nil where jobs have places or are held. `before`: what the one before returned.
--#use newest behind
local function lull(crowd, streams, before)
  local call, meta, limited = redis.call, crowd.meta, false
  local opens = crowd.root .. 'opens'
  local held = call('ZCARD', opens) > (call('ZSCORE', opens, 'q') and 1 or 0) -- "q" only reminds of the queue's own limit
  if held or call('EXISTS', crowd.root .. 'places') > 0 then return nil end
  local flow, gates = unpack(call('HMGET', meta, 'flow', 'gates'))
  for _, name in ipairs(call('HKEYS', meta)) do
    if string.match(name, '^rate:') or string.match(name, '^max_running:') then return '' end -- of a task
    limited = limited or name == 'rate' or name == 'max_running'
  end
  if not limited then call('ZREM', opens, 'q') end
  if not flow or call('EXISTS', crowd.all) > 0 then return '' end
  local seen, after, quiet = gates or '', string.gmatch(before, '%S+'), true
  local same = after() == gates
  for level in string.gmatch('chnl', '%l') do
    local first, last = call('XRANGE', streams[level], '-', '+', 'COUNT', 1)[1], after()
    quiet = quiet and (not first or same and last ~= nil and behind(first[1], last))
    seen = seen .. ' ' .. (newest(streams[level]) or '0-0')
  end
  if gates and gates ~= '0' and not quiet then return seen end
  call('HDEL', meta, 'gates')
  if not limited then call('HDEL', meta, 'flow') end
  return ''
end
