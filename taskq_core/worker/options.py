"""How a worker is to work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from taskq_core import config
from taskq_core.clock import positive_ms
from taskq_core.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """``concurrency``: jobs at the same time in one process (None: what the queue says).

    ``burst``: stop when nothing is ready any more. ``max_jobs``: stop after so many. ``grace``: how
    long a stopping worker lets jobs finish before it gives them back. ``lease``: how long a worker
    that fell silent keeps its jobs. ``starvation_guard``: one claim of this many begins with the
    lowest level; 0 turns it off. ``metrics_port``: ``/metrics``, ``/livez`` and ``/readyz`` are served
    there; 0 takes any free port, None serves nothing and measures nothing.
    ``metrics_apart``: somebody else serves them, such as the supervisor of several processes.
    """

    concurrency: int | None = None
    burst: bool = False
    max_jobs: int | None = None
    grace: timedelta = timedelta(milliseconds=config.GRACE_MS)
    lease: timedelta = timedelta(milliseconds=config.LEASE_MS)
    max_crashes: int = config.MAX_CRASHES
    starvation_guard: int = config.STARVATION_GUARD
    metrics_port: int | None = None
    metrics_host: str = config.METRICS_HOST
    metrics_apart: bool = False

    def __post_init__(self) -> None:
        if self.concurrency is not None and not 1 <= self.concurrency <= 10_000:
            raise InvalidOption(f"concurrency must be between 1 and 10000, not {self.concurrency}")
        if self.metrics_port is not None and not 0 <= self.metrics_port <= 65_535:
            raise InvalidOption(f"a port is between 0 and 65535, not {self.metrics_port}")
        if self.max_jobs is not None and self.max_jobs < 1:
            raise InvalidOption(f"max_jobs must be at least 1, not {self.max_jobs}")
        if not 1 <= self.max_crashes <= 1_000:
            raise InvalidOption(f"max_crashes must be between 1 and 1000, not {self.max_crashes}")
        if not 0 <= self.starvation_guard <= 1_000_000:
            raise InvalidOption(f"starvation_guard must be at least 0, not {self.starvation_guard}")
        if not 300 <= positive_ms(self.lease, "lease") <= 3_600_000:
            raise InvalidOption(f"a lease lasts from 0.3 s to 1 h, not {self.lease}")
        if not timedelta(0) <= self.grace <= timedelta(days=1):
            raise InvalidOption(f"grace must be between 0 and one day, not {self.grace}")

    @property
    def lease_ms(self) -> int:
        """The lease in ms."""
        return positive_ms(self.lease, "lease")
