-- An entry of a stream as a member of a sorted set: by age, whatever stream it is in.
local function aged(name, entry)
  local ms, seq = string.match(entry, '^(%d+)%-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq .. ':' .. name
end
