"""The counts of the demo's queues, and how fast they change."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from taskq_core import Client, QueueSnapshot

WINDOW_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One queue at one moment. Rates per second over the last two; waiting times in ms, None at first."""

    queue: str
    ready: int
    running: int
    scheduled: int
    dead: int
    totals: Mapping[str, int]
    in_per_s: float
    out_per_s: float
    wait_p50: float | None
    wait_p99: float | None

    @property
    def left(self) -> int:
        """Jobs that are still to be done."""
        return self.ready + self.running + self.scheduled


class Meter:
    """Looks at queues, and remembers enough of the past to know rates."""

    def __init__(self, client: Client, queues: Sequence[str]) -> None:
        self._client = client
        self._queues = queues
        self._past: dict[str, deque[tuple[float, int, int]]] = {queue: deque() for queue in queues}

    def read(self) -> list[Figures]:
        """All queues as they are now. Raises: ServerUnreachable."""
        return [self._figures(seen) for seen in self._client.snapshots(self._queues, minutes=2)]

    def _figures(self, seen: QueueSnapshot) -> Figures:
        rate_in, rate_out = self._rates(seen)
        wait = next((minute.wait for minute in seen.history if minute.wait is not None), None)
        return Figures(
            queue=seen.queue,
            ready=seen.ready_total,
            running=seen.running,
            scheduled=seen.scheduled,
            dead=seen.dead,
            totals=seen.totals,
            in_per_s=rate_in,
            out_per_s=rate_out,
            wait_p50=None if wait is None else wait.p50,
            wait_p99=None if wait is None else wait.p99,
        )

    def _rates(self, seen: QueueSnapshot) -> tuple[float, float]:
        now = time.monotonic()
        past = self._past[seen.queue]
        past.append((now, seen.totals.get("enqueued", 0), seen.totals.get("done", 0)))
        while len(past) > 2 and now - past[1][0] >= WINDOW_S:
            past.popleft()
        then, enqueued, done = past[0]
        if now == then:
            return 0.0, 0.0
        return (past[-1][1] - enqueued) / (now - then), (past[-1][2] - done) / (now - then)


def total(figures: Sequence[Figures], name: str) -> int:
    """One of the counters, over all queues."""
    return sum(row.totals.get(name, 0) for row in figures)


def left(figures: Sequence[Figures]) -> int:
    """Jobs that are still to be done, over all queues."""
    return sum(row.left for row in figures)
