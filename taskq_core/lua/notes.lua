#!lua flags=no-writes,allow-stale
-- What jobs said of themselves.
-- KEYS 1.. notes of each job
-- ARGV 1 lines behind this number are wanted, or "" for none
-- Reply: for each {progress or "", words beside it, attempt, ms, skipped lines, {number, "attempt ms text"}...}, or {}.
--#use recount
local found, after = {}, tonumber(ARGV[1])
for k = 1, #KEYS do found[k] = recount(KEYS[k], after) end
return found
