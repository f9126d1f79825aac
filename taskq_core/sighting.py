"""What operators see of workers and jobs: a worker's process, what it holds, where a job stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from taskq_core.job import Priority
from taskq_core.names import JobRef
from taskq_core.snapshot import WorkerInfo

STALLED: Final = timedelta(seconds=5)
"""An idle claim loop goes round each second: one with room that stood still for this long is stuck."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One worker, though it has a lease of its own in each queue it serves."""

    id: str
    leases: tuple[WorkerInfo, ...]

    @property
    def latest(self) -> WorkerInfo:
        """The lease that was renewed last: its words are the newest."""
        return max(self.leases, key=lambda lease: lease.seen_at)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues in which it is alive."""
        return tuple(sorted(lease.queue for lease in self.leases))

    @property
    def running(self) -> tuple[JobRef, ...]:
        """Jobs it said it runs, at most a hundred a queue."""
        return tuple(ref for lease in self.leases for ref in lease.running)

    @property
    def state(self) -> str:
        """``working``, ``stopping``, or ``stuck`` when its claim loop stands still though it has room."""
        if self.latest.stopping:
            return "stopping"
        return "stuck" if any(stalled(lease) for lease in self.leases) else "working"


def processes_of(workers: Iterable[WorkerInfo]) -> list[WorkerProcess]:
    """The workers behind the leases of several queues, by id."""
    found: dict[str, list[WorkerInfo]] = {}
    for worker in workers:
        found.setdefault(worker.process, []).append(worker)
    return [WorkerProcess(name, tuple(leases)) for name, leases in sorted(found.items())]


def stalled(worker: WorkerInfo) -> bool:
    """Whether its claim loop stood still at its last heartbeat, though it had room for jobs."""
    pause = worker.claim_pause
    return pause is not None and pause > STALLED and not worker.stopping


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job in a worker's hands. ``held_for``: since it was handed out."""

    ref: JobRef
    task: str
    priority: Priority
    held_for: timedelta
    deliveries: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a job. ``expires_at`` None: no lease. ``cancelled``: an order that it did not read yet."""

    worker: str
    held_for: timedelta
    deliveries: int
    expires_at: datetime | None
    revoked: bool
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands that is ready or runs.

    ``ahead``: jobs of its own level before it, those that were given back included; ``more``: the count was
    ended. ``holder``: who runs it. ``given_back``: it was handed out before, and waits again.
    """

    at: datetime
    priority: Priority
    ahead: int = 0
    more: bool = False
    holder: Holder | None = None
    given_back: bool = False
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """What does not add up in a queue.

    ``strays``: holders of jobs that are neither alive nor being taken over, with how many they hold.
    ``expired``: leases that ran out and that nobody took over yet. ``delivered``: the last entry handed out
    of each level, to be compared with a later look.
    """

    at: datetime
    due: int
    jobs: int
    dead: int
    dead_jobs: int
    due_without_job: int
    dead_without_record: int
    strays: Mapping[str, int]
    expired: Mapping[str, datetime]
    delivered: Sequence[str]


@dataclass(frozen=True, slots=True)
class Probe:
    """A server that takes writes, and how many live workers a queue has."""

    at: datetime
    workers: int
