-- The entry for a job in its level's stream, and whether it is the job's own id: where that is behind all
-- others. Otherwise it comes behind the last one, with a number from 10^9 on: no job is born with such a
-- number, so the entry cannot pass for another job's id. The microsecond makes it another one after a failover that
-- lost this call: a worker that still has the job must not end the next one with it. `lasts` is kept for this call.
--#use id_of newest
local function place(stream, id, name, now, lasts)
  local last = lasts[stream]
  if not last then
    local ms, seq = string.match(newest(stream) or '0-0', '^(%d+)%-(%d+)$')
    last = {tonumber(ms), tonumber(seq)}
    lasts[stream] = last
  end
  local letter, ms, seq = string.match(id, '^(%l)(%d+)%-(%d+)')
  ms, seq = tonumber(ms), tonumber(seq)
  local own = letter == string.sub(name, 1, 1) and ms <= now and seq < 1e9 and (ms > last[1] or (ms == last[1] and seq > last[2]))
  own = own and id == id_of(name, string.format('%.0f-%.0f', ms, seq))
  if not own then
    ms = math.max(last[1], math.min(ms, now))
    seq = (ms == last[1] and last[2] >= 1e9) and last[2] + 1 or 1e9 + redis.call('TIME')[2]
  end
  last[1], last[2] = ms, seq
  return string.format('%.0f-%.0f', ms, seq), own
end
