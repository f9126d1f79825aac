-- An entry has passed its gates: it takes a place at those that count what runs.
local function pass(gates, found, name, entry)
  local kept
  for _, one in ipairs(found) do
    one.taken = one.taken + 1
    if one.most then kept = kept and kept .. ' ' .. one.gate or one.gate end
  end
  if not kept then return end
  local places = gates.places
  places[#places + 1], places[#places + 2] = name .. ' ' .. entry, kept
end
