"""A queue with limits, tenants and groups, as its keys say it, and what is to be known of it beside them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from taskq_core.keys import IDLE, LEVELS, QueueKeys

INDEXES = ("scheduled", "dead")


@dataclass(frozen=True, slots=True)
class Seen:
    """One job: ``owner`` is a worker, one of `IDLE`, or the index it is in."""

    id: str
    owner: str
    task: str
    level: str
    entry: str
    meta: dict[str, Any]

    @property
    def tenant(self) -> str:
        """Whose it is; empty where nobody's."""
        return self.id.partition("@")[2]

    @property
    def key(self) -> str:
        """Its concurrency key."""
        return str(self.meta.get("q", ""))

    @property
    def runs(self) -> bool:
        """Whether a worker has it."""
        return self.owner not in IDLE and self.owner not in INDEXES

    @property
    def waits(self) -> bool:
        """Whether it is ready."""
        return self.owner in IDLE

    @property
    def gates(self) -> list[str]:
        """All limits it may be under."""
        return ["queue", "@" + self.tenant, "t:" + self.task, *(["k:" + self.key] if self.key else [])]


@dataclass(slots=True)
class Told:
    """What was set and done, beside the jobs: goes back with the server when that forgets its last steps."""

    limits: dict[str, int] = field(default_factory=dict)
    """Most that run: of "queue", "key", a task "t:a", or a tenant "@x"."""
    weights: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    """Groups that take members; those that were sealed are in `groups` alone."""
    groups: list[str] = field(default_factory=list)
    members: Counter[str] = field(default_factory=Counter)
    concluded: Counter[str] = field(default_factory=Counter)
    callbacks: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Seen] = field(default_factory=dict)
    """As they were after the last step."""
    stale: set[str] = field(default_factory=set)
    """Jobs whose runs the server may know nothing of."""

    def most(self, gate: str) -> int:
        """How many may run under a limit of one of `Seen.gates`."""
        if gate.startswith("k:"):
            return self.limits.get("key") or 1
        return self.limits.get(gate) or sys.maxsize


def look(raw: Any, keys: QueueKeys) -> dict[str, Seen]:
    """Every job by its id. One that is in two places is a fault."""
    names = [key for key in raw.keys(keys.root + "*") if _is_stream(key.decode()[len(keys.root) :])]
    pipe = raw.pipeline(transaction=False)
    for name in names:
        pipe.xrange(name)
        pipe.xpending_range(name, "w", "-", "+", 10_000)
    pipe.hgetall(keys.jobs)
    pipe.hgetall(keys.dead_jobs)
    *replies, jobs, dead = pipe.execute(raise_on_error=False)
    found: dict[str, Seen] = {}

    def add(seen: Seen) -> None:
        assert seen.id not in found, f"{seen.id} is in two places: {found[seen.id]} and {seen}"
        found[seen.id] = seen

    for name, entries, pending in zip(names, replies[::2], replies[1::2], strict=True):
        for seen in _in_stream(name.decode()[len(keys.root) :], entries, pending):
            add(seen)
    for index, records in zip(INDEXES, (jobs, dead), strict=True):
        for job_id, record in records.items():
            head, meta, _ = record.split(b"\n", 2)
            level, _, task = head.decode().partition(" ")
            add(Seen(job_id.decode(), index, task, level, "", msgspec.json.decode(meta or b"{}")))
    return found


def _is_stream(suffix: str) -> bool:
    return suffix in [*LEVELS] or (suffix[:1] in LEVELS and suffix[1:2] == "@")


def _in_stream(name: str, entries: Any, pending: Any) -> list[Seen]:
    if isinstance(entries, Exception):
        return []
    rows = [] if isinstance(pending, Exception) else pending
    owners = {row["message_id"]: row["consumer"].decode() for row in rows}
    level, tenant = name[0], name[1:]
    found = []
    for entry, fields in entries:
        meta = msgspec.json.decode(fields.get(b"@", b"{}"))
        job_id = meta.get("i", f"{level}{entry.decode()}{tenant}")
        task = next(field for field in fields if field != b"@").decode()
        found.append(Seen(job_id, owners.pop(entry, ""), task, level, entry.decode(), meta))
    assert not owners, f"pending and not there: {owners}"
    return found
