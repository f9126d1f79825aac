-- Counts in its group, if it is a member of one, what became of a job: `about` is its meta JSON, or its whole record
-- ("level task\nmeta\nerror\npayload"). Returns how many callbacks that enqueued, as `settle`.
--#use member settle
local function account(any, about, changes, now)
  local id = member(string.match(about or '', '^[^\n]*\n([^\n]*)\n') or about)
  return id and settle(any, id, changes, now) or 0
end
