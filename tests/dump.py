"""All that lies on a server, as plain values: two dumps are equal when nothing changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Dump = dict[str, Any]
READS = {
    "string": lambda pipe, key: pipe.get(key),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "set": lambda pipe, key: pipe.smembers(key),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    "stream": lambda pipe, key: pipe.xrange(key),
}


def dump(raw: Any, without: Sequence[str] = ("wake",)) -> Dump:
    """Every key with its content, without times to live.

    ``without``: suffixes left out. Wake-up tokens are hints, so a repeated call may leave one more.
    """
    names = sorted(key.decode() for key in raw.scan_iter(count=1000))
    names = [name for name in names if _suffix(name) not in without]
    pipe = raw.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    kinds = [kind.decode() for kind in pipe.execute()]
    for name, kind in zip(names, kinds, strict=True):
        READS[kind](pipe, name)
    found: Dump = dict(zip(names, pipe.execute(), strict=True))
    streams = [name for name, kind in zip(names, kinds, strict=True) if kind == "stream"]
    return found | {name: {"entries": found[name], "groups": _groups(raw, name)} for name in streams}


def _suffix(key: str) -> str:
    return key.rpartition("}:")[2].rpartition("default:")[2]


def _groups(raw: Any, key: str) -> list[Any]:
    groups = []
    for group in raw.xinfo_groups(key):
        name = group["name"]
        pipe = raw.pipeline(transaction=False)
        pipe.xpending_range(key, name, "-", "+", 10_000)
        pipe.xinfo_consumers(key, name)
        pending, consumers = pipe.execute()
        groups.append(
            (
                name,
                group["last-delivered-id"],
                sorted(consumer["name"] for consumer in consumers),
                [(row["message_id"], row["consumer"], row["times_delivered"]) for row in pending],
            )
        )
    return groups
