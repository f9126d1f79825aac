-- Keeps the outcome of a job that ended outside a worker, where its meta JSON asks for that.
local function remember(result, meta, outcome)
  local keep = string.match(meta, '[{,]"k":(%d+)')
  -- anybody may have written it: a span that SET refuses would end the script half way
  if keep and #keep <= 13 and tonumber(keep) > 0 then redis.call('SET', result, outcome, 'PX', keep) end
end
