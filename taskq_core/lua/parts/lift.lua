-- A job that a limit held is gone: it stands at its gates no more, and a gate at which nobody waits is none that is
-- looked at again, or workers would wait for it. `fields`: those of its entry.
--#use aged key_of
local function lift(root, name, entry, fields)
  local call, member, key = redis.call, aged(name, entry), key_of(fields)
  for _, gate in ipairs({'t:' .. (fields[1] or ''), key and 'k:' .. key or nil}) do
    if call('ZREM', root .. 'held:' .. gate, member) == 1 and call('EXISTS', root .. 'held:' .. gate) == 0 then
      call('ZREM', root .. 'opens', gate)
    end
  end
end
