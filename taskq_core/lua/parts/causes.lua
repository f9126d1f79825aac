-- Counts failed jobs by the fingerprint of their error. Returns the function that counts one, and one that gives
-- {fingerprint, count, first score, last score, latest id, its task, type, message}... and, as they are, {id, score,
-- task, error} of those of which no fingerprint is stored.
local function causes(longest)
  local groups, rows, unnamed = {}, {}, {}

  local function words(value) return type(value) == 'string' and string.sub(value, 1, longest) or '' end

  local function count(id, score, task, failure)
    local _, at = string.find(failure, '"fingerprint":"', 1, true)
    local name = at and string.match(failure, '^(%x+)"', at + 1)
    if not name then
      if failure ~= '' then unnamed[#unnamed + 1] = {id, score, task, failure} end
      return
    end
    local row = groups[name]
    if not row then
      local ok, about = pcall(cjson.decode, failure)
      if not ok or type(about) ~= 'table' then about = {} end
      row = {name, 0, score, score, id, task, words(about.type), words(about.message)}
      groups[name], rows[#rows + 1] = row, row
    end
    row[2] = row[2] + 1
    if tonumber(score) < tonumber(row[3]) then row[3] = score end
    if tonumber(score) > tonumber(row[4]) then row[4], row[5] = score, id end
  end

  return count, function() return rows, unnamed end
end
