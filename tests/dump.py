"""All that lies on a server, as plain values: two dumps are equal when nothing changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Dump = dict[str, Any]


def dump(raw: Any, without: Sequence[str] = ("wake",)) -> Dump:
    """Every key with its content, without times to live.

    ``without``: suffixes left out. Wake-up tokens are hints, so a repeated call may leave one more.
    """
    names = sorted(key.decode() for key in raw.scan_iter(count=1000))
    return {name: _content(raw, name) for name in names if _suffix(name) not in without}


def _suffix(key: str) -> str:
    return key.rpartition("}:")[2].rpartition("default:")[2]


def _content(raw: Any, key: str) -> Any:
    kind = raw.type(key).decode()
    if kind == "stream":
        return {"entries": raw.xrange(key), "groups": _groups(raw, key)}
    read = {
        "string": lambda: raw.get(key),
        "hash": lambda: raw.hgetall(key),
        "set": lambda: raw.smembers(key),
        "list": lambda: raw.lrange(key, 0, -1),
        "zset": lambda: raw.zrange(key, 0, -1, withscores=True),
    }
    return read[kind]()


def _groups(raw: Any, key: str) -> list[Any]:
    groups = []
    for group in raw.xinfo_groups(key):
        name = group["name"]
        pending = raw.xpending_range(key, name, "-", "+", 10_000)
        groups.append(
            (
                name,
                group["last-delivered-id"],
                sorted(consumer["name"] for consumer in raw.xinfo_consumers(key, name)),
                [(row["message_id"], row["consumer"], row["times_delivered"]) for row in pending],
            )
        )
    return groups
