"""A frame: all that one tick of the view brought, frozen. What it shows later needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from taskq_cli.flow_settings import NAMES as FLOW
from taskq_core import FailedAttempt, Percentiles, Priority, QueueSnapshot, ServerInfo, WorkerInfo

COUNTED: Final = ("enqueued", "done", "failed", "retried", "dead", "cancelled", "recovered", "missed")
"""Totals of a queue that a frame keeps, in this order."""
PLACES: Final = {name: place for place, name in enumerate(COUNTED)}


@dataclass(frozen=True, slots=True)
class Times:
    """How long jobs took, in seconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, found: Percentiles | None) -> Times | None:
        """The same in seconds; None when nothing was counted."""
        return None if found is None else cls(found.p50 / 1000, found.p99 / 1000)


@dataclass(frozen=True, slots=True)
class QueueFrame:
    """One queue at one moment. ``totals`` are those of `COUNTED`, times those of the latest minutes."""

    name: str
    at: datetime
    paused: bool
    draining: bool
    ready: tuple[int, ...]
    running: int
    scheduled: int
    dead: int
    workers: int
    oldest_s: float | None
    next_due_at: datetime | None
    totals: tuple[int, ...]
    wait: Times | None
    run: Times | None
    settings: Mapping[str, str] = field(default_factory=dict)
    next_fire_at: datetime | None = None
    """When the next of its schedules is due."""
    held: int = 0
    """Waiting jobs that a limit of their task, key or tenant holds, or the pause of their tenant."""
    held_by_tenants: int = 0
    """Of these, those of tenants that are at a limit of their own or paused."""
    tenants: int = 0
    """Tenants that have jobs or limits of their own."""
    groups: int = 0
    """Groups that have not ended."""

    @property
    def waiting(self) -> int:
        """Jobs that could start now."""
        return sum(self.ready)

    @property
    def limited(self) -> bool:
        """Whether limits of starting or running are set, or hold jobs."""
        return self.held > 0 or any(name.partition(":")[0] in FLOW for name in self.settings)

    def total(self, name: str) -> int:
        """How many since the queue exists."""
        return self.totals[PLACES[name]]


@dataclass(frozen=True, slots=True)
class Frame:
    """What one tick brought. ``at`` is the server's clock, ``rtt_s`` the length of its answer."""

    at: datetime
    queues: tuple[QueueFrame, ...]
    workers: tuple[WorkerInfo, ...] = ()
    failures: tuple[FailedAttempt, ...] = ()
    server: ServerInfo | None = None
    rtt_s: float = 0.0

    @property
    def absent(self) -> frozenset[str]:
        """Which of tenants and groups no queue has: keys that lead to them need not be named."""
        return frozenset(
            name for name in ("tenants", "groups") if not any(getattr(queue, name) for queue in self.queues)
        )


def queue_frame(snapshot: QueueSnapshot) -> QueueFrame:
    """A queue's part of a frame. Times are those of the minute that runs and the one before it."""
    latest = snapshot.history[:2]
    recent = [minute for minute in latest if (snapshot.at - minute.at).total_seconds() < 120]
    return QueueFrame(
        name=snapshot.queue,
        at=snapshot.at,
        paused=snapshot.paused,
        draining=snapshot.draining,
        ready=tuple(snapshot.ready[level] for level in Priority),
        running=snapshot.running,
        scheduled=snapshot.scheduled,
        dead=snapshot.dead,
        workers=snapshot.workers,
        oldest_s=snapshot.oldest_ready_s,
        next_due_at=snapshot.next_due_at,
        totals=tuple(snapshot.totals.get(name, 0) for name in COUNTED),
        wait=Times.of(Percentiles.together(minute.wait for minute in recent)),
        run=Times.of(Percentiles.together(minute.run for minute in recent)),
        settings=snapshot.settings,
        next_fire_at=snapshot.next_fire_at,
        held=snapshot.held,
        held_by_tenants=snapshot.held_by_tenants,
        tenants=snapshot.tenants,
        groups=snapshot.groups,
    )
