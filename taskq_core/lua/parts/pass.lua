-- An entry has passed its gates, its key's and its task's (or nil): it takes a place at those that count what runs.
local function pass(places, key, own, name, entry)
  local kept = key and key.gate
  if key then key.n, key.taken = key.n + 1, key.taken + 1 end
  if own then
    own.n, own.taken = own.n + 1, own.taken + 1
    if own.most then kept = kept and kept .. ' ' .. own.gate or own.gate end
  end
  if kept then
    local at = #places
    places[at + 1], places[at + 2] = name .. ' ' .. entry, kept
  end
end
