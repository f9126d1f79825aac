-- Reads the streams of many tenants with one call for all that have the same quota: of those in a look at the ring that are
-- at no limit and had nothing given back. `all`: fields, states, settings and quotas (`found`) of `names`. Who is read gets
-- his whole quota, so only as many are as `want` surely has room for. Returns how many came, by place in `names`.
local function abreast(names, all, want, dry, sweep)
  local swept, groups = {}, {}
  for k, tenant in ipairs(names) do
    local quota, state, set = all.found[k], all.states[k], all.settings[k]
    local idle = dry[tenant] or state == 'e'
    if not idle then want = want - quota end
    if want < 0 then break end
    if not idle and tenant ~= '' and state == 'r' and (not set or string.find(set, '^%d+ 0 0 0$')) then
      groups[quota] = groups[quota] or {}
      table.insert(groups[quota], k)
    end
  end
  for quota, places in pairs(groups) do
    local fields = {}
    for at, k in ipairs(places) do fields[at] = all.fields[k] end
    local counts = #fields > 1 and sweep(fields, quota)
    for _, k in ipairs(counts and places or {}) do swept[k] = counts[all.fields[k]] or 0 end
  end
  return swept
end
