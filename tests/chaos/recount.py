"""What lies on a server, counted by hand from its keys alone: none of the engine's own reading is used.

Also a whole database put aside and put back, as a failover to a replica that had not heard the last words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from taskq_core import State
from taskq_core.keys import LEVELS, ORPHAN, QueueKeys
from tests.keyspace import LASTING, PASSING

Place = tuple[str, bytes]
"""Level and entry."""
PARTS = ("entries", "pending", "groups")


@dataclass(slots=True)
class Recount:
    """One queue as its keys say it."""

    places: dict[str, list[tuple[State, str]]] = field(default_factory=dict)
    """Where each job is, and in whose name it runs: more than one place is a fault."""
    entries: dict[str, Place] = field(default_factory=dict)
    """The entry of each job that has one."""
    waiting: list[list[bytes]] = field(default_factory=list)
    """Entries of each level that no worker was ever given, the oldest first."""
    pending: int = 0
    """Entries that a consumer holds: those that run, and those that were given back."""
    ghosts: list[str] = field(default_factory=list)
    """What points to something that is not there."""
    totals: dict[str, int] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    endless: list[str] = field(default_factory=list)
    """Keys that should end by themselves and do not."""
    live: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)


def recount(raw: Any, keys: QueueKeys) -> Recount:
    """Reads the queue in three round trips."""
    seen = Recount()
    read = _read(raw, keys)
    moved = {at: name for name, at in read["moved"].items()}
    for level in range(len(LEVELS)):
        _count_stream(seen, level, [read[f"{part}{level}"] for part in PARTS], moved)
    for at in moved:
        if (at[:1].decode(), at[1:]) not in seen.entries.values():
            seen.ghosts.append(f"moved names {at!r}, which is not there")
    _count_index(seen, State.SCHEDULED, read["jobs"], read["due"])
    _count_index(seen, State.DEAD, read["dead_jobs"], read["dead"])
    seen.totals = {name.decode(): int(n) for name, n in read["stats"].items()}
    seen.live = {name.decode() for name, _ in read["leases"]}
    seen.revoked = {name.decode() for name, _ in read["revoked"]}
    _count_passing(seen, raw, keys)
    return seen


def _read(raw: Any, keys: QueueKeys) -> dict[str, Any]:
    names, pipe = [], raw.pipeline(transaction=False)
    for level, stream in enumerate(keys.streams):
        pipe.xrange(stream)
        pipe.xpending_range(stream, "w", "-", "+", 10_000)
        pipe.xinfo_groups(stream)
        names += [f"{part}{level}" for part in PARTS]
    for name in ("moved", "jobs", "dead_jobs", "stats"):
        pipe.hgetall(getattr(keys, name))
        names.append(name)
    for name in ("due", "dead", "leases", "revoked"):
        pipe.zrange(getattr(keys, name), 0, -1, withscores=True)
        names.append(name)
    replies = [[] if isinstance(reply, Exception) else reply for reply in pipe.execute(raise_on_error=False)]
    return dict(zip(names, replies, strict=True))


def _count_stream(seen: Recount, level: int, parts: Sequence[Any], moved: dict[bytes, bytes]) -> None:
    entries, pending, groups = parts
    owners = {row["message_id"]: row["consumer"].decode() for row in pending}
    last = next((_number(group["last-delivered-id"]) for group in groups if group["name"] == b"w"), (0, 0))
    letter = LEVELS[level].encode()
    seen.pending += len(owners)
    seen.waiting.append([entry for entry, _ in entries if _number(entry) > last])
    for entry, _ in entries:
        name = moved.get(letter + entry, letter + entry).decode()
        owner = owners.pop(entry, ORPHAN if _number(entry) > last else "")
        if not owner:
            seen.ghosts.append(f"{name} was given to a worker, is not pending, and is still there")
        state = State.READY if owner == ORPHAN else State.RUNNING
        seen.places.setdefault(name, []).append((state, "" if owner == ORPHAN else owner))
        seen.entries[name] = LEVELS[level], entry
    seen.ghosts += [f"{entry!r} is pending and is not there" for entry in owners]


def _number(entry: bytes) -> tuple[int, int]:
    ms, _, sequence = entry.partition(b"-")
    return int(ms), int(sequence)


def _count_index(seen: Recount, state: State, records: dict[bytes, bytes], index: Any) -> None:
    for name in records:
        seen.places.setdefault(name.decode(), []).append((state, ""))
    if set(records) != {name for name, _ in index}:
        seen.ghosts.append(f"{state}: records and index differ")


def _count_passing(seen: Recount, raw: Any, keys: QueueKeys) -> None:
    names = [name.decode() for name in raw.scan_iter(count=1_000)]
    passing = [name for name in names if PASSING.fullmatch(name)]
    pipe = raw.pipeline(transaction=False)
    for name in passing:
        pipe.pttl(name)
    locks, results = keys.unique(""), keys.result("")
    held = [name for name in passing if name.startswith(locks)]
    for name in held:
        pipe.get(name)
    replies = pipe.execute()
    seen.endless = [name for name, ttl in zip(passing, replies, strict=False) if ttl == -1]
    others = set(names) - set(passing)
    seen.endless += [f"{name} is not a key of taskq" for name in others if not LASTING.fullmatch(name)]
    seen.locks = {
        name.removeprefix(locks): value.decode()
        for name, value in zip(held, replies[len(passing) :], strict=True)
        if value is not None
    }
    seen.results = {name.removeprefix(results) for name in passing if name.startswith(results)}


Saved = list[tuple[bytes, int, bytes]]


def save(raw: Any) -> Saved:
    """Every key with its time to live and its content."""
    names = sorted(raw.scan_iter(count=1_000))
    pipe = raw.pipeline(transaction=False)
    for name in names:
        pipe.pttl(name)
        pipe.dump(name)
    replies = pipe.execute()
    rows = zip(names, replies[::2], replies[1::2], strict=True)
    return [(name, max(0, ttl), content) for name, ttl, content in rows if content is not None]


def restore(raw: Any, saved: Saved) -> None:
    """Makes the database what it was, and not within the millisecond, in which no failover ends."""
    now = raw.time()
    while raw.time() < (now[0], now[1] + 2_000):
        pass
    pipe = raw.pipeline(transaction=True)
    pipe.flushall()
    for name, ttl, content in saved:
        pipe.restore(name, ttl, content)
    pipe.execute()
