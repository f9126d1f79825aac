-- What the limits of the queue itself leave of `want`: how many jobs may start now (`may`). `settle(n)` notes that n did.
-- `standing()` counts those that run and those that wait. Places beyond the free slots are taken ahead only of many.
--#use gcra busy
local function allowance(at, streams, want)
  local call, root = redis.call, at.root
  local set = call('HMGET', root .. 'meta', 'rate', 'max_running')
  local may, wait, spend = gcra(root .. 'tat', 'q', set[1], at.us)
  local most, queue = tonumber(set[2]), {may = math.min(want, may), want = want, wait = wait}

  function queue.standing()
    local running, waiting = 0, 0
    for k, n in ipairs(call('HMGET', root .. 'tenants:sums', 'C', 'H', 'N', 'L', 'c', 'h', 'n', 'l')) do
      n = tonumber(n) or 0
      if k <= 4 then running, waiting = running + n, waiting - n else waiting = waiting + n end
    end
    for level in string.gmatch('chnl', '%l') do
      local ours = busy(streams[level])
      running, waiting = running + ours, waiting + call('XLEN', streams[level]) - ours
    end
    return running, waiting
  end

  function queue.settle(n) queue.wait = spend(n) or 0 end

  if most then
    call('ZREM', root .. 'opens', 'q')
    local room = math.max(0, most - (queue.standing()))
    local ahead = math.max(at.free, math.floor(room / (2 * at.workers)))
    queue.full, queue.tight = room <= math.min(queue.may, ahead), ahead < math.min(room, queue.may)
    queue.may = math.min(queue.may, room, ahead)
  end
  return queue
end
