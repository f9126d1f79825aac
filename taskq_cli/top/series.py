"""What a queue counted over time: points of running totals, of which any stretch gives a rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from taskq_cli.top.frame import COUNTED, PLACES
from taskq_core import Minute

Totals = tuple[int, ...]
MINUTE_S: Final = 60.0
LEAST_S: Final = 5.0
"""The rate of a stretch that has just begun is that of so many seconds."""
MEASURED_S: Final = 2.0
"""A rate that was seen for so long is measured; before that it is the average of the server's minute."""


def last_cell(end: float, step: float) -> int:
    """The number of the stretch of the day that a time is in; a time between two belongs to the earlier."""
    return math.ceil(end / step) - 1


@dataclass(slots=True)
class Series:
    """Totals of one queue by time (seconds since 1970), oldest first."""

    times: list[float] = field(default_factory=list)
    totals: list[Totals] = field(default_factory=list)
    since: float | None = None
    """When it was first looked at: what is before comes from the server's minutes."""

    def seed(self, now: float, totals: Totals, minutes: Sequence[Minute]) -> None:
        """The past from the server's minutes: what the totals were at the end of each."""
        points: list[tuple[float, Totals]] = []
        left = totals
        for minute in sorted(minutes, key=lambda m: m.at, reverse=True):
            start = minute.at.timestamp()
            end = min(now, start + MINUTE_S)
            if points and end < points[-1][0]:
                points.append((end, left))  # nothing happened in between
            elif not points and end < now:
                points.append((end, left))
            left = tuple(n - minute.counts.get(name, 0) for n, name in zip(left, COUNTED, strict=True))
            points.append((start, left))
        for time, at in reversed(points):
            self.add(time, at)

    def add(self, time: float, totals: Totals) -> None:
        """A new point; one that is not later than the last takes its place."""
        if self.times and time <= self.times[-1]:
            self.times[-1], self.totals[-1] = max(time, self.times[-1]), totals
        else:
            self.times.append(time)
            self.totals.append(totals)

    def at(self, time: float, name: str) -> float:
        """The total at a time, between two points on a straight line; before the first: as then."""
        index, counted = bisect_right(self.times, time), PLACES[name]
        if not self.times:
            return 0.0
        if index == 0:
            return float(self.totals[0][counted])
        before, low = self.times[index - 1], self.totals[index - 1][counted]
        if index == len(self.times):
            return float(low)
        after, high = self.times[index], self.totals[index][counted]
        return low + (high - low) * (time - before) / (after - before)

    def rate(self, end: float, seconds: float, name: str) -> float:
        """How many a second in the stretch that ends then. Never below zero, also after a recount."""
        if not self.times:
            return 0.0
        start = max(end - seconds, self.times[0])
        if end <= start:
            return 0.0
        now = self.totals[-1][PLACES[name]] if end >= self.times[-1] else self.at(end, name)
        return max(0.0, (now - self.at(start, name)) / (end - start))

    def measured(self, end: float) -> bool:
        """Whether it was looked at for long enough by then to know how fast it changes."""
        return self.since is not None and end - self.since >= MEASURED_S

    def rate_now(self, end: float, seconds: float, name: str) -> float:
        """The rate of the last seconds, of what was seen since it was first looked at.

        The minute before has one average: a burst that is over would stand in it as if it went on.
        """
        if self.since is not None and self.measured(end):
            seconds = min(seconds, end - self.since)
        return self.rate(end, seconds, name)

    def count(self, end: float, seconds: float, name: str) -> float:
        """How many in the stretch that ends then; of a time before the first point nothing is known."""
        if not self.times:
            return 0.0
        return max(0.0, self.at(end, name) - self.at(end - seconds, name))

    def rates(self, end: float, seconds: float, cells: int, name: str) -> list[float]:
        """The rates of so many equal stretches, the oldest first; `cell_rate` says which they are."""
        step = seconds / cells
        last = last_cell(end, step)
        return [self.cell_rate(last - back, step, end, name) for back in reversed(range(cells))]

    def cell_rate(self, cell: int, step: float, end: float, name: str) -> float:
        """The rate of the stretch from ``cell * step`` on, as of a time.

        Stretches are parts of the day, not of the time before ``end``: what is past stays as it is drawn.
        One that has hardly begun takes some seconds of the one before, or it would jump about.
        """
        begun, over = cell * step, (cell + 1) * step
        if over <= end:
            return self.rate(over, step, name)
        return self.rate(end, max(end - begun, min(step, LEAST_S)), name)

    def forget(self, before: float, spacing: float) -> None:
        """Drops what is older than ``before``; of what is older than a minute one point a spacing stays."""
        kept_times: list[float] = []
        kept_totals: list[Totals] = []
        recent = self.times[-1] - MINUTE_S if self.times else 0.0
        for time, totals in zip(self.times, self.totals, strict=True):
            old = time < recent and kept_times and time - kept_times[-1] < spacing
            if time >= before and not old:
                kept_times.append(time)
                kept_totals.append(totals)
        self.times, self.totals = kept_times, kept_totals
