-- What a job's id says of whose it is: "@acme", or "" where it is no tenant's.
local function whose(id) return string.match(id, '@.*$') or '' end
