-- The ms of the youngest of some entry ids, argv[first..last]: they need not be in order. Up to the year 2286 all have as
-- many digits, so text is compared; only one that was made by hand could be shorter.
local function youngest(argv, first, last)
  local most = argv[first]
  for k = first + 1, last do
    if argv[k] > most then most = argv[k] end
  end
  return tonumber(string.match(most, '^%d+')) or 0
end
