-- Acknowledges entries (argv[first..last]) and removes them from the stream; returns how many there were, and how many
-- of them were pending. Not all need to be: a failover that lost a tail makes a job wait again that a worker has done by now.
-- Removing entries one by one costs as much as all the rest of an ack, and most batches are the oldest
-- entries of their stream. So: all that is older than the oldest pending entry has been acknowledged, for
-- entries are delivered in order, and goes in one cut. This holds only for entries that were pending a
-- moment ago in this very group, so a batch that was not is removed entry by entry, as is what is younger.
local function finish(stream, argv, first, last)
  local count = last - first + 1
  local n = redis.call('XACK', stream, 'w', unpack(argv, first, last))
  if n == count and count > 4 then
    local pending = redis.call('XPENDING', stream, 'w')
    local bound = pending[2]
    if pending[1] == 0 then
      local ms, seq = string.match(argv[last], '^(%d+)%-(%d+)$')
      bound = ms .. '-' .. (tonumber(seq) + 1)
    end
    if redis.call('XTRIM', stream, 'MINID', bound) == count then return n, n end
  end
  return math.max(n, redis.call('XDEL', stream, unpack(argv, first, last))), n
end
