"""What may lie on the server after a test: only keys that taskq documents, with a TTL where they need one."""

from __future__ import annotations

import re
from typing import Any

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
QUEUE = rf"taskq:\{{{NAME}/{NAME}\}}:"

LASTING = re.compile(
    rf"taskq:{NAME}:queues"
    rf"|{QUEUE}([chnl]|jobs|due|moved|dead|dead:jobs|leases|revoked|wake|meta|stats|failures|opens|places|running|tat|held:.+|[chnl]@{NAME}|ring(:([chnl]|opens))?|tenants(:(set|sums|done))?|rooms(:.+)?|schedules(:(next|runs))?|groups|group:[\w.:-]+)"
)
PASSING = re.compile(
    rf"{QUEUE}(lock|suspects|(tail|events)(:notes)?|imported|t:\d+|(worker|told|unique|result|notes|producer):.+)"
)


def leaks(raw: Any) -> list[str]:
    """Keys nobody documents, and keys that should end by themselves and do not."""
    found = []
    for key in sorted(raw.scan_iter(count=1000)):
        name = key.decode(errors="replace")
        if PASSING.fullmatch(name):
            if raw.ttl(key) == -1:
                found.append(f"{name} never expires")
        elif not LASTING.fullmatch(name):
            found.append(f"{name} is not a key of taskq")
    return found


def remains(raw: Any) -> list[str]:
    """What is left of jobs: for a test that expects a queue to be empty, down to the last entry."""
    found = []
    for key in sorted(raw.scan_iter(count=1000)):
        name = key.decode()
        suffix = name.rpartition("}:")[2]
        if suffix in {"c", "h", "n", "l"} or suffix[1:2] == "@":
            size = raw.xlen(key)
        elif suffix in {"jobs", "moved", "dead:jobs", "places", "running"}:
            size = raw.hlen(key)
        elif suffix in {"due", "dead", "leases", "revoked", "opens"} or suffix.startswith("held:"):
            size = raw.zcard(key)
        else:
            continue
        if size:
            found.append(f"{name} holds {size}")
    return found
