-- The id of a job that was ready at birth: its stream's level, its entry, and whose it is.
local function id_of(name, entry) return string.sub(name, 1, 1) .. entry .. string.sub(name, 2) end
