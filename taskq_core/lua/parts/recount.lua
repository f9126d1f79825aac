-- What a job said of itself: {progress or "", words beside it, attempt, ms, skipped lines, {number, "attempt ms text"}...},
-- without lines up to `after`, or without any where that is nil; {} where it said nothing.
local function recount(key, after)
  local MOST = 200 -- what is kept is less, but whoever may write there may have said otherwise
  local head = redis.pcall('HMGET', key, 'progress', 'note', 'attempt', 'at', 'skipped', 'n', 'first')
  if head.err or not head[3] then return {} end
  local found = {head[1] or '', head[2] or '', head[3], head[4] or '', head[5] or '0'}

  local function whole(text) return text and #text <= 15 and string.match(text, '^%d+$') and tonumber(text) end

  local last, first = whole(head[6]) or 0, whole(head[7]) or 1
  for number = after and math.max(first, after + 1, last - MOST) or last + 1, last do
    local name = string.format('%.0f', number)
    local line = redis.call('HGET', key, name)
    if line then found[#found + 1] = {name, line} end
  end
  return found
end
