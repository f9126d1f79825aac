"""A tenant of a queue: what it may have, and what it has, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from taskq_core.errors import InvalidOption
from taskq_core.job import Priority
from taskq_core.rates import Rate

MAX_WEIGHT = 1_000


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """What a tenant may have in a queue. None: no limit.

    ``weight``: jobs that it gets in a round, in which each other tenant gets as many as its own weight is.
    ``max_waiting``: ready jobs; delayed ones count when they are due, and then are not refused.
    """

    weight: int = 1
    max_running: int | None = None
    max_waiting: int | None = None
    rate: Rate | None = None
    paused: bool = False

    def __post_init__(self) -> None:
        """Raises: InvalidOption."""
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise InvalidOption(f"a weight is between 1 and {MAX_WEIGHT}, not {self.weight}")
        for name, value in (("max_running", self.max_running), ("max_waiting", self.max_waiting)):
            if value is not None and not 1 <= value <= 1_000_000_000:
                raise InvalidOption(f"{name} must be at least 1, not {value}")

    @classmethod
    def read(cls, stored: str) -> TenantLimits:
        """As it lies on the server; the default for what is none: anybody may have written it."""
        words = stored.split(" ", 4)
        if len(words) < 4 or not all(word.isascii() and word.isdigit() for word in words[:4]):
            return cls()
        weight, running, waiting, paused = (int(word) for word in words[:4])
        try:
            rate = Rate.read(words[4]) if len(words) > 4 else None
            return cls(weight, running or None, waiting or None, rate, paused == 1)
        except InvalidOption:
            return cls()


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """A tenant with its jobs. ``done``: since it has jobs; it begins anew after it had none.

    ``held``: it waits at one of its limits, or is paused, so others are served. Scheduled and dead jobs lie
    among those of all tenants, and are not counted.
    """

    queue: str
    name: str
    limits: TenantLimits = TenantLimits()
    ready: dict[Priority, int] = field(default_factory=dict)
    running: int = 0
    done: int = 0
    held: bool = False

    @property
    def ready_total(self) -> int:
        """Jobs that wait for their turn."""
        return sum(self.ready.values())

    @property
    def state(self) -> str:
        """``paused``, ``limited`` (its jobs wait at a limit), ``active`` or ``idle`` (it has no jobs)."""
        if self.limits.paused:
            return "paused"
        if not self.ready_total and not self.running:
            return "idle"
        return "limited" if self.held and self.ready_total else "active"


@dataclass(frozen=True, slots=True)
class TenantHold:
    """A tenant of whose ready jobs ``held`` may not start now: it is paused, or at a limit of its own."""

    name: str
    limits: TenantLimits
    ready: int
    running: int
    held: int

    @property
    def reason(self) -> str:
        """What holds them: ``paused``, ``2 of 2 running`` or ``rate 50/s``."""
        limits = self.limits
        if limits.paused:
            return "paused"
        if limits.max_running is not None and (self.running >= limits.max_running or limits.rate is None):
            return f"{self.running} of {limits.max_running} running"
        return f"rate {limits.rate}" if limits.rate is not None else "at a limit"


@dataclass(frozen=True, slots=True)
class HeldTenants:
    """What limits and pauses of tenants hold in a queue. ``worst``: the tenants that hold most jobs.

    ``paused``, ``limited``: how many tenants are paused or at a limit, and hold jobs by that. Where more than
    a thousand tenants have settings, and more than a thousand waiting jobs, these are estimates.
    """

    paused: int = 0
    paused_jobs: int = 0
    limited: int = 0
    limited_jobs: int = 0
    worst: tuple[TenantHold, ...] = ()

    @property
    def jobs(self) -> int:
        """Jobs that are held in all."""
        return self.paused_jobs + self.limited_jobs


@dataclass(frozen=True, slots=True)
class TenantPage:
    """A stretch of the tenants of a queue, by name. ``cursor`` continues it; empty when it has ended."""

    tenants: tuple[TenantInfo, ...]
    cursor: str
