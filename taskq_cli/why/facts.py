"""What is known of a queue or a job before it is judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from taskq_cli.durations import format_duration
from taskq_core import (
    Audit,
    Gates,
    GroupInfo,
    HeldTenants,
    JobDetail,
    Place,
    QueueSnapshot,
    TenantInfo,
    WorkerInfo,
    stalled,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason. ``word`` is stable, for scripts; ``todo`` may be empty; ``fields`` go into the record."""

    word: str
    text: str
    todo: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue with its live workers and limits. ``tasks``: those of the jobs that are first in it.

    ``tenants``: what their limits and pauses hold; ``groups``: those that have not finished.
    """

    snapshot: QueueSnapshot
    workers: tuple[WorkerInfo, ...]
    audit: Audit
    tasks: Collection[str] = ()
    gates: Gates | None = None
    tenants: HeldTenants = field(default_factory=HeldTenants)
    groups: Sequence[GroupInfo] = ()

    @property
    def name(self) -> str:
        """The queue."""
        return self.snapshot.queue

    @property
    def at(self) -> datetime:
        """The moment of the look, by the server's clock."""
        return self.snapshot.at

    @property
    def able(self) -> list[WorkerInfo]:
        """The workers that take jobs."""
        return [worker for worker in self.workers if not (stalled(worker) or worker.stopping)]

    @property
    def slots(self) -> int:
        """Jobs that they can run at a time."""
        return sum(worker.slots for worker in self.able)

    @property
    def busy(self) -> bool:
        """Whether all slots are taken."""
        return self.snapshot.running >= self.slots

    def knows(self, task: str) -> bool:
        """Whether a live worker knows the task, or one does not say which it knows."""
        return any(not worker.tasks or task in worker.tasks for worker in self.workers)

    @property
    def rate(self) -> float:
        """Attempts that ended a second, in the last one to two minutes."""
        begins = [minute.at for minute in self.snapshot.history]
        if not begins:
            return 0.0
        # a queue that began to be served a moment ago is not as slow as two minutes make it look
        served = [worker.started_at for worker in self.workers if worker.started_at is not None]
        since = max(min(begins), min(served, default=min(begins)))
        ended = sum(minute.counts.get(n, 0) for minute in self.snapshot.history for n in ("done", "failed"))
        return ended / max(1.0, (self.at - since).total_seconds())

    def eta(self, jobs: int) -> float | None:
        """Seconds until so many jobs have ended at the present rate; None when nothing ends."""
        return round(jobs / self.rate, 1) if self.rate > 0 else None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job in its queue. ``place``: when it is ready or runs; ``gates`` and ``tenant``: when it is ready.

    ``crowd``: the tenants of the queue, up to some number, when it is ready; ``group``: its own, when it is
    dead.
    """

    job: JobDetail
    queue: QueueFacts
    place: Place | None = None
    gates: Gates | None = None
    tenant: TenantInfo | None = None
    crowd: Sequence[TenantInfo] = ()
    group: GroupInfo | None = None


def about(seconds: float | timedelta) -> str:
    """A span for people."""
    value = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    return format_duration(max(0.0, value))


def many(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: `1 job`, `2,000 jobs`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def does(count: int, noun: str, verb: str) -> str:
    """A count with its noun and verb: `1 job waits`, `2 jobs wait`."""
    return f"{many(count, noun)} {verb}{'s' if count == 1 else ''}"


def ago(then: datetime, now: datetime) -> str:
    """How long ago that was."""
    return about(now - then)


def in_time(eta_s: float | None) -> str:
    """`, about 3m at this rate`, or nothing when there is no rate."""
    return f", about {about(eta_s)} at the present rate" if eta_s is not None else ""
