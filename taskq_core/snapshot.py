"""What a queue and its workers look like at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from taskq_core.job import Priority


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; from buckets an eighth of an octave wide, so within 7 %."""

    p50: float
    p99: float
    count: int


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a queue: counts by name, and how long jobs waited and ran."""

    at: datetime
    counts: Mapping[str, int]
    wait: Percentiles | None
    run: Percentiles | None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """One queue. ``totals`` count since the queue exists; ``history`` has the latest minute first."""

    queue: str
    at: datetime
    paused: bool
    ready: Mapping[Priority, int]
    running: int
    scheduled: int
    dead: int
    workers: int
    oldest_ready_s: float | None
    next_due_at: datetime | None
    totals: Mapping[str, int]
    settings: Mapping[str, str]
    history: tuple[Minute, ...] = ()

    @property
    def ready_total(self) -> int:
        """Jobs that could start now."""
        return sum(self.ready.values())


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A live worker, as it described itself at its last heartbeat."""

    id: str
    queue: str
    expires_at: datetime
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The machine's name."""
        return self.about.get("host", "")

    @property
    def pid(self) -> int:
        """The process id on that machine."""
        return int(self.about.get("pid", "0"))

    @property
    def slots(self) -> int:
        """How many jobs it runs at the same time."""
        return int(self.about.get("slots", "0"))

    @property
    def busy(self) -> int:
        """How many it ran at its last heartbeat."""
        return int(self.about.get("busy", "0"))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks it knows."""
        return tuple(self.about.get("tasks", "").split())


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One entry of the list of latest failures."""

    id: str
    at: datetime
    task: str
    attempt: int
    type: str
    message: str
    buried: bool


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server behind a client. ``kind`` is redis or valkey."""

    kind: str
    version: str
    mode: str
    used_memory: int
    max_memory: int
    eviction: str
    aof: bool
