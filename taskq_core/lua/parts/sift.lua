-- Whether a job may satisfy the conditions of a filter: false only when it cannot. JSON is searched as text, so a
-- text that may spell characters in another way (\u00e9) is let through: the client looks at what comes in full.
local function sift(where, task, meta, failure, payload)
  local find = string.find

  local function holds(needles, text)
    for _, needle in ipairs(needles or {}) do
      if not find(text, needle, 1, true) then return find(text, '\\u', 1, true) ~= nil end
    end
    return true
  end

  local function of_group()
    if not where.group then return true end
    local _, at = find(failure, '"fingerprint":"', 1, true)
    return failure ~= '' and (not at or find(failure, where.group, at + 1, true) == at + 1)
  end

  local function attempted()
    if not where.attempts or not meta then return true end
    local made = tonumber(string.match(meta, '"a":(%d+)'))
    if not made and find(meta, '"a"', 1, true) then return true end
    return (made or 0) >= where.attempts
  end

  local function of_member()
    return not where.member or not meta or find(meta, where.member, 1, true) ~= nil
  end

  return of_member() and holds(where.task, task) and of_group() and attempted() and holds(where.error, failure)
    and holds(where.payload, payload)
end
