-- Whether a stream entry's id comes after another one.
local function behind(id, last)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  local last_ms, last_seq = string.match(last, '^(%d+)%-(%d+)$')
  if ms ~= last_ms then return tonumber(ms) > tonumber(last_ms) end
  return tonumber(seq) > tonumber(last_seq)
end
