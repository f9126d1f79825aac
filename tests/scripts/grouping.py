"""Groups on the rig: opening, filling and concluding by hand, and recounting what a group says of itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from taskq_core import GroupInfo, GroupRef, JobOptions, NewGroup, NewJob, NotFound
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import grouping
from taskq_core.worker.conclusion import concluded, cut_short
from tests.scripts.rig import Rig

CALLBACK = NewJob("callback", {"of": "g"})


def opened(rig: Rig, group: str = "g", count: int | None = None, **fields: Any) -> GroupRef:
    """A group with a callback, open or with so many members expected."""
    return rig.client.groups.open(rig.queue, NewGroup(group, CALLBACK, expected=count, **fields))


def full(rig: Rig, count: int = 3, **fields: Any) -> list[str]:
    """The members of a group that is whole."""
    opened(rig, count=count, **fields)
    return rig.add(count, group="g")


def concluding(
    rig: Rig, worker: str, *jobs: Job, result: object = None, cancelled: bool = False
) -> Command[int]:
    """The end of jobs from which something follows."""
    ends = [cut_short(job) if cancelled else concluded(job, result, "r1 w1") for job in jobs]
    return grouping.conclude(rig.keys, worker, ends)


def conclude(rig: Rig, worker: str, *jobs: Job, result: object = None, cancelled: bool = False) -> int:
    return rig.run(concluding(rig, worker, *jobs, result=result, cancelled=cancelled))


def info(rig: Rig, group: str = "g") -> GroupInfo:
    return rig.client.groups.get(GroupRef(rig.queue, group))


def counts(rig: Rig, group: str = "g") -> dict[str, int]:
    """What the group says of its members, without zeros."""
    found = info(rig, group)
    rows = {name: getattr(found, name) for name in ("total", "done", "dead", "cancelled", "removed")}
    return {name: n for name, n in rows.items() if n}


def callbacks(rig: Rig, task: str = "callback") -> list[str]:
    """The ids of all jobs of a task, whatever state they are in."""
    raw, keys = rig.raw, rig.keys
    waiting = [
        job_id.decode()
        for key in (keys.jobs, keys.dead_jobs)
        for job_id, record in raw.hgetall(key).items()
        if record.split(b"\n")[0].endswith(b" " + task.encode())
    ]
    ready = [
        json.loads(fields.get(b"@", b"{}")).get("i", f"n{entry.decode()}")
        for stream in keys.streams
        for entry, fields in raw.xrange(stream)
        if task.encode() in fields
    ]
    return sorted(waiting + ready)


def members(rig: Rig) -> Mapping[str, Counter[str]]:
    """What a look at all jobs finds of each group: how many are pending, and how many dead."""
    found: dict[str, Counter[str]] = {}

    def note(meta: bytes, state: str) -> None:
        group = json.loads(meta or b"{}").get("G")
        if group:
            found.setdefault(group, Counter())[state] += 1

    for record in rig.raw.hvals(rig.keys.jobs):
        note(record.split(b"\n")[1], "pending")
    for record in rig.raw.hvals(rig.keys.dead_jobs):
        note(record.split(b"\n")[1], "dead")
    for stream in rig.keys.streams:
        for _, fields in rig.raw.xrange(stream):
            note(fields.get(b"@", b""), "pending")
    return found


def chain(*tasks: str, **options: Any) -> JobOptions:
    """Options of a job that these follow."""
    return JobOptions(then=[NewJob(task, {}) for task in tasks], **options)


def claim_all(rig: Rig, worker: str = "w1") -> Sequence[Job]:
    """All that is due or ready."""
    rig.promote(1000)
    return rig.claim(worker, 1000)


def gone(rig: Rig, group: str = "g") -> bool:
    """Whether the group is unknown."""
    try:
        info(rig, group)
    except NotFound:
        return True
    return False
