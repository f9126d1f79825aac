-- Task, meta, error and payload of a stored record ("level task\nmeta\nerror\npayload"); nil when it is none.
local function parse(record)
  local head = string.find(record, '\n', 1, true)
  local meta = head and string.find(record, '\n', head + 1, true)
  local failure = meta and string.find(record, '\n', meta + 1, true)
  local name = failure and string.find(record, ' ', 1, true)
  if not name or name > head then return nil end
  return string.sub(record, name + 1, head - 1), string.sub(record, head + 1, meta - 1),
    string.sub(record, meta + 1, failure - 1), string.sub(record, failure + 1)
end
