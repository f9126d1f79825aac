-- The concurrency key of a job, by the fields of its entry; nil where it has none.
local function key_of(fields) return fields[3] == '@' and string.match(fields[4], '[{,]"q":"([!#-~]*)"') or nil end
