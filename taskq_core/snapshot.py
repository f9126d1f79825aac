"""What a queue and its workers look like at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from taskq_core.clock import moment
from taskq_core.config import DEAD_AGE_MS, DEAD_MAX, LEASE_MS
from taskq_core.histogram import quantile_us
from taskq_core.job import Priority
from taskq_core.limits import CODE, FlowLimit, read, source
from taskq_core.names import JobRef, valid_job_id


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; from buckets a sixteenth of an octave wide, so within 3 %."""

    p50: float
    p99: float
    count: int
    buckets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, buckets: Mapping[int, int]) -> Percentiles | None:
        """Those of counted buckets; None when nothing was counted."""
        p50, p99 = quantile_us(buckets, 0.5), quantile_us(buckets, 0.99)
        if p50 is None or p99 is None:
            return None
        return cls(p50 / 1000, p99 / 1000, sum(buckets.values()), buckets)

    @classmethod
    def together(cls, parts: Iterable[Percentiles | None]) -> Percentiles | None:
        """Those of all that the parts counted, such as several minutes or queues."""
        counted: Counter[int] = Counter()
        for part in parts:
            if part is not None:
                counted.update(part.buckets)
        return cls.of(counted)


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a queue: counts by name, and how long jobs waited and ran."""

    at: datetime
    counts: Mapping[str, int]
    wait: Percentiles | None
    run: Percentiles | None


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much a queue takes; ``max_jobs``, ``max_bytes`` None: no limit.

    Dead jobs over the limits go, the oldest first.
    """

    max_jobs: int | None
    dead_max: int
    dead_age: timedelta
    max_bytes: int | None = None


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
    draining: bool = False
    schedules: int = 0
    """Schedules that are not paused."""
    next_fire_at: datetime | None = None
    """When the next of them is due."""
    stale: int = 0
    """Leases that have run out, and that nobody took over yet."""
    held: int = 0
    """Ready jobs that limits of tasks, keys and tenants hold, or pauses of tenants; `Client.gates` and
    `Tenants.held` say which."""
    tenants: int = 0
    """Tenants that have jobs or limits of their own."""
    groups: int = 0
    """Groups that have not ended."""
    held_by_tenants: int = 0
    """Of those that are held: by limits and pauses of their tenants."""

    @property
    def state(self) -> str:
        """``active``, ``paused`` (no job is handed out) or ``draining`` (no job is taken in)."""
        if self.paused:
            return "paused"
        return "draining" if self.draining else "active"

    @property
    def limits(self) -> QueueLimits:
        """The queue's limits, with the defaults where it has none of its own."""
        return QueueLimits(
            _number(self.settings, "max_jobs") or None,
            _number(self.settings, "dead_max") or DEAD_MAX,
            timedelta(milliseconds=_number(self.settings, "dead_age") or DEAD_AGE_MS),
            _number(self.settings, "max_bytes") or None,
        )

    @property
    def slo(self) -> timedelta | None:
        """How long a job may wait until it starts, as the queue was told; None: it was not."""
        slo = _number(self.settings, "slo")
        return timedelta(milliseconds=slo) if slo else None

    @property
    def flow_limits(self) -> tuple[FlowLimit, ...]:
        """How many jobs may start and run, of the queue and of its tasks."""
        return read(self.settings)

    @property
    def declared(self) -> list[str]:
        """The settings that are as code declares them: none was set by hand since."""
        names = (name[5:] for name in self.settings if name.startswith("code:"))
        return sorted(name for name in names if source(self.settings, name) == CODE)

    @property
    def depth(self) -> int:
        """Jobs that count against ``max_jobs``: all but the dead ones."""
        return self.ready_total + self.running + self.scheduled

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
        return _number(self.about, "pid")

    @property
    def slots(self) -> int:
        """How many jobs it runs at the same time."""
        return _number(self.about, "slots")

    @property
    def busy(self) -> int:
        """How many it ran at its last heartbeat."""
        return _number(self.about, "busy")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks it knows."""
        return tuple(self.about.get("tasks", "").split())

    @property
    def schedules(self) -> tuple[str, ...]:
        """The schedules that its code declares in this queue."""
        return tuple(self.about.get("schedules", "").split())

    @property
    def process(self) -> str:
        """The worker's id: the same in all queues that it serves."""
        return self.about.get("process") or self.id

    @property
    def seen_at(self) -> datetime:
        """When it was last heard of, by the server's clock; about, for one that does not tell its lease."""
        return self.expires_at - self.lease

    @property
    def lease(self) -> timedelta:
        """How long it keeps its jobs after it fell silent."""
        return timedelta(milliseconds=_number(self.about, "lease") or LEASE_MS)

    @property
    def running(self) -> tuple[JobRef, ...]:
        """The jobs of this queue that it ran at its last heartbeat, at most a hundred."""
        return _refs(self.queue, self.about.get("running", ""))

    @property
    def cancelling(self) -> tuple[JobRef, ...]:
        """Those among them that it was told to stop."""
        return _refs(self.queue, self.about.get("cancelling", ""))

    @property
    def said_at(self) -> datetime | None:
        """The same by its own clock: a difference is one of the clocks."""
        said = _number(self.about, "seen")
        return moment(said) if said else None

    @property
    def started_at(self) -> datetime | None:
        """When it began, by its own clock."""
        started = _number(self.about, "started")
        return moment(started) if started else None

    def count(self, name: str) -> int:
        """A count it keeps, such as ``done`` or ``failed``: since it began, of all its queues."""
        return _number(self.about, name)

    @property
    def stopping(self) -> bool:
        """Whether it is about to end: it takes no more jobs."""
        return self.about.get("state") == "stopping"

    @property
    def claim_pause(self) -> timedelta | None:
        """How long its claim loop had stood still though it had room; None where that is not known."""
        looked, seen = _number(self.about, "looked"), _number(self.about, "seen")
        if not looked or not seen or self.about.get("room") == "0":
            return None
        return timedelta(milliseconds=max(0, seen - looked))


def _number(about: Mapping[str, str], name: str) -> int:
    """A number that was stored; 0 where it is none: whoever may write on the server may have said it."""
    said = about.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 15 else 0


def _refs(queue: str, ids: str) -> tuple[JobRef, ...]:
    return tuple(JobRef(queue, job_id) for job_id in ids.split() if valid_job_id(job_id))


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One entry of the list of latest failures. ``next_attempt_at``: as it was planned; None when buried."""

    id: str
    at: datetime
    task: str
    attempt: int
    type: str
    message: str
    buried: bool
    queue: str = ""
    fingerprint: str = ""
    next_attempt_at: datetime | None = None


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
