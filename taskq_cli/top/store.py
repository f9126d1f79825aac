"""What the view knows: the frames of the last quarter of an hour, and the counts of the last hour. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from taskq_cli.top.frame import Frame, QueueFrame
from taskq_cli.top.series import Series, last_cell
from taskq_core import Minute

KEPT_S: Final = 15 * 60.0
"""How far back in time one can travel."""
PAST_S: Final = 65 * 60.0
"""How far back counts go, with what the server kept from before the view was opened."""
KEPT_QUEUES: Final = 60_000
"""Queues in all kept frames: beyond that older frames are thinned out, so memory is bounded."""
WINDOW_S: Final = 10.0
"""Rates are those of so many seconds, or of as many as were looked at by then."""
TIDY_EVERY: Final = 60
KEPT_CELLS: Final = 20_000


@dataclass(slots=True)
class Store:
    """Frames by time, and the series of each queue."""

    frames: list[Frame] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)
    _added: int = 0
    _rates: dict[tuple[str, float, str, float], float] = field(default_factory=dict)
    """Of the frame on screen: the same figure stands in several places."""
    _cells: dict[tuple[str, float, int], float] = field(default_factory=dict)
    """Stretches of charts of all queues that are over."""

    def add(self, frame: Frame, past: Mapping[str, Sequence[Minute]] | None = None) -> None:
        """Takes a frame in. ``past``: what the server counted before, by queue."""
        for queue in frame.queues:
            series = self.series.get(queue.name)
            if series is None:
                series = self.series[queue.name] = Series()
                self._cells.clear()  # it brings a past of its own
            if series.since is None:
                series.since = queue.at.timestamp()
            if past and queue.name in past and not series.times:
                series.seed(queue.at.timestamp(), queue.totals, past[queue.name])
            series.add(queue.at.timestamp(), queue.totals)
        self._rates.clear()
        self.frames.append(frame)
        self._added += 1
        if self._added % TIDY_EVERY == 0:
            self._tidy()

    @property
    def latest(self) -> Frame | None:
        """The newest frame."""
        return self.frames[-1] if self.frames else None

    def frame_at(self, time: float) -> Frame | None:
        """The frame that was on screen at a time; the oldest one for times before it."""
        if not self.frames:
            return None
        index = bisect_right(self.frames, time, key=lambda frame: frame.at.timestamp())
        return self.frames[max(0, index - 1)]

    def neighbour(self, frame: Frame, steps: int) -> Frame:
        """The frame so many steps later (or earlier); the first or the last beyond the ends."""
        index = bisect_right(self.frames, frame.at, key=lambda other: other.at) - 1
        return self.frames[min(max(0, index + steps), len(self.frames) - 1)]

    def rate(self, queue: QueueFrame, name: str, seconds: float = WINDOW_S) -> float:
        """How many a second, as of the frame the queue is from."""
        if not queue.total(name):
            return 0.0  # nothing ever failed in most queues, and there may be thousands
        key = (queue.name, queue.at.timestamp(), name, seconds)
        known = self._rates.get(key)
        if known is None:
            series = self.series.get(queue.name)
            known = self._rates[key] = 0.0 if series is None else _rate(series, key[1], seconds, name)
        return known

    def count(self, queue: QueueFrame, name: str, seconds: float) -> float:
        """How many in the seconds before the frame the queue is from."""
        series = self.series.get(queue.name)
        known = series is not None and queue.total(name)
        return series.count(queue.at.timestamp(), seconds, name) if series is not None and known else 0.0

    def measured(self, queue: QueueFrame) -> bool:
        """Whether the rates of the queue are measured, or are still averages of the server's minute."""
        series = self.series.get(queue.name)
        return series is not None and series.measured(queue.at.timestamp())

    def rates(self, frame: Frame, name: str, seconds: float, cells: int) -> list[float]:
        """The rates of all queues together, in so many stretches before a frame, the oldest first."""
        end, step = frame.at.timestamp(), seconds / cells
        last = last_cell(end, step)
        return [self._cell(name, step, last - back, end) for back in reversed(range(cells))]

    def _cell(self, name: str, step: float, cell: int, end: float) -> float:
        over, key = (cell + 1) * step <= end, (name, step, cell)
        known = self._cells.get(key) if over else None
        if known is None:
            known = sum(series.cell_rate(cell, step, end, name) for series in self.series.values())
            if over:
                self._cells[key] = known
        return known

    def _tidy(self) -> None:
        now = self.frames[-1].at.timestamp()
        if len(self._cells) > KEPT_CELLS:
            self._cells.clear()
        self.frames = [frame for frame in self.frames if now - frame.at.timestamp() <= KEPT_S]
        while sum(len(frame.queues) for frame in self.frames) > KEPT_QUEUES and len(self.frames) > 60:
            # the last half minute stays whole; of what is older every second frame goes
            self.frames = [*self.frames[:-30][::2], *self.frames[-30:]]
        many = len(self.series) > 100
        for name in list(self.series):
            self.series[name].forget(now - PAST_S, 30.0 if many else 5.0)
            if not self.series[name].times:
                del self.series[name]


def _rate(series: Series, end: float, seconds: float, name: str) -> float:
    now = seconds <= WINDOW_S
    return series.rate_now(end, seconds, name) if now else series.rate(end, seconds, name)
