-- Whether a job that is to be brought in is here already: "" (no), "known" (it waits, runs or is dead here,
-- its outcome is kept, or it was imported before) or "taken" (another job has its id).
local function known(id, record, result, keys, stream, entry, name)
  local function compare(level, task, payload)
    local own_level, own_task, own_payload = string.match(record, '^(%l) ([^\n]+)\n[^\n]*\n[^\n]*\n(.*)$')
    return (level == own_level and task == own_task and payload == own_payload) and 'known' or 'taken'
  end
  local fields = stream and redis.call('XRANGE', stream, entry, entry)[1][2]
  -- the entry of a job that was promoted has a number of its own, which is not that job's id
  local owner = fields and fields[4] and string.match(fields[4], '"i":"([^"]+)"') or id
  if fields and owner == id then return compare(string.sub(name, 1, 1), fields[1], fields[2]) end
  local stored = redis.call('HGET', keys.jobs, id) or redis.call('HGET', keys.dead_jobs, id)
  if stored then return compare(string.match(stored, '^(%l) ([^\n]+)\n[^\n]*\n[^\n]*\n(.*)$')) end
  local ended = result and redis.call('EXISTS', result) == 1
  return (ended or redis.call('SISMEMBER', keys.imported, id) == 1) and 'known' or ''
end
