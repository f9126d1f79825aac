-- Whether who has an entry is nobody: it was given back ("-"), or a limit holds it ("~").
local function waits(owner) return owner == '-' or owner == '~' end
