-- The group that a job is a member of, by its meta JSON, or nil. What is nested in there is text, so its quotes are escaped.
local function member(meta)
  local id = meta and string.match(meta, '[{,]"G":"([%w_][%w._:-]*)"')
  return id and #id <= 128 and id or nil
end
