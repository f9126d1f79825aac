#!lua
-- Writes down what running jobs say of themselves: how far they are, and lines of a log. A repeat adds nothing. Not
-- allowed on a full server: nobody's work depends on it.
-- KEYS 1-4 streams c h n l | 5 leases | 6 meta | 7 tail:notes | 8 events:notes | 9.. notes of each job
-- ARGV 1 worker | 2 lines kept of a job | 3 bytes of them kept; then for each job: stream, entry id, job id, task, run,
--      attempt, ms its notes are kept, progress or "", words beside it, ms it was said, count, and of so many lines:
--      number in the run, ms, text
-- Reply: how many jobs were in the worker's hands; -1 when the lease is gone, -2 when the queue wants no notes.
--#use streams held listener teller chronicle
local leases, meta, worker, call = KEYS[5], KEYS[6], ARGV[1], redis.call
local streams, HEAD, at, noted = streams_of(KEYS), 11, 4, 0
if not call('ZSCORE', leases, worker) then return -1 end
if call('HEXISTS', meta, 'notes_off') == 1 then return -2 end

local tell = teller(listener(KEYS[7]), KEYS[8])
for k = 9, #KEYS do
  local stream, entry, id, task, run, attempt, ttl, progress, words, said, count = unpack(ARGV, at, at + HEAD - 1)
  local first = at + HEAD
  if streams[stream] and held(streams[stream], entry, worker) then
    local told = tell and function(kind, about) tell(kind, id .. ' ' .. task .. ' ' .. about) end
    local book = chronicle(KEYS[k], run, attempt, told)
    if book then
      if progress ~= '' then book.progress(progress, words, said) end
      for line = first, first + 3 * count - 1, 3 do book.line(tonumber(ARGV[line]), ARGV[line + 1], ARGV[line + 2]) end
      book.close(tonumber(ARGV[2]), tonumber(ARGV[3]), count, ttl)
    end
    noted = noted + 1
  end
  at = first + 3 * count
end
return noted
