"""How many workers a queue asks for. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from taskq_core import config
from taskq_core.histogram import middle_us
from taskq_core.snapshot import Percentiles, QueueSnapshot

_ARRIVALS: Final = ("enqueued", "retried", "revived")
UNKNOWN_SERVICE_S: Final = 1.0
"""What a job is thought to take before the first one has ended."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a queue's workers: attempts that come in, what each takes, what waits, what runs."""

    arrivals_per_s: float
    service_s: float
    backlog: int
    running: int


def load_of(snapshot: QueueSnapshot, service_s: float | None) -> Load:
    """The load by the minute that runs and the one before it. ``service_s``: where none ended meanwhile."""
    at = snapshot.at
    recent = [minute for minute in snapshot.history if (at - minute.at).total_seconds() < 120]
    seconds = 60.0 + at.second + at.microsecond / 1e6
    arrived = sum(minute.counts.get(name, 0) for minute in recent for name in _ARRIVALS)
    measured = mean_s(Percentiles.together(minute.run for minute in recent))
    overdue = 0 if snapshot.next_due_at is None or snapshot.next_due_at > at else 1
    return Load(
        arrivals_per_s=arrived / seconds,
        service_s=measured or service_s or UNKNOWN_SERVICE_S,
        # more workers start none of what is held, and one has to be there when it may start
        backlog=max(snapshot.ready_total - snapshot.held, min(snapshot.ready_total, 1)) + overdue,
        running=snapshot.running,
    )


def mean_s(times: Percentiles | None) -> float | None:
    """The mean of counted times, in seconds; None of none."""
    if times is None:
        return None
    return sum(middle_us(bucket) * count for bucket, count in times.buckets.items()) / times.count / 1e6


def desired_workers(load: Load, target_wait: timedelta, slots: float) -> int:
    """Worker processes that keep up with what arrives and end the backlog within the target wait.

    ``slots``: jobs that one of them runs at the same time. Jobs that run keep their slots; a queue in which
    nothing arrives, waits or runs asks for none.
    """
    steady = max(load.arrivals_per_s * load.service_s, float(load.running))
    catching_up = load.backlog * load.service_s / max(target_wait.total_seconds(), 0.001)
    return math.ceil((steady + catching_up) / max(slots, 1.0) - 1e-9)


def target_of(snapshot: QueueSnapshot, otherwise: timedelta) -> timedelta:
    """How soon a backlog is to be gone: the queue's own SLO, or what the exporter was told."""
    return snapshot.slo or otherwise


DEFAULT_SLOTS: Final = float(config.CONCURRENCY)
"""Of a queue that no worker serves."""
