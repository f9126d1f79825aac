-- Puts held entries in the name of "~": `moves` of ids, by "stream deliveries". Returns what is left to move: nothing.
local function aside(moves, streams)
  for move, ids in pairs(moves) do
    local name, count = string.match(move, '^(%S+) (%d+)$')
    for _, word in ipairs({'RETRYCOUNT', count, 'JUSTID'}) do ids[#ids + 1] = word end
    redis.call('XCLAIM', streams[name], 'w', '~', 0, unpack(ids)) -- the next claim adds one: this was none
  end
  return {}
end
