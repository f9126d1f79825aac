"""Charts: throughput, times and depth of one queue or of all, over the last minutes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen, rate, short, span
from taskq_cli.top.samples import Sample, Samples, queue_names
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Column
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.plot import plot
from taskq_cli.top.widgets.rows import Rows

QUARTER_S: Final = 15 * 60.0
HOUR_S: Final = 60 * 60.0
LABEL: Final = 13
GAPPED: Final = 3
"""Charts of at least so many lines leave the last one free."""
ALL: Final = "all queues"


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over time. ``counted``: a total of the queue, of which the rate is drawn; else ``value``."""

    title: str
    look: str
    counted: str = ""
    value: Callable[[Sample], float | None] = lambda sample: 0.0
    shown: Callable[[float], str] = short


def _per_s(value: float) -> str:
    return f"{rate(value)}/s"


IN: Final = Chart("in", "accent", "enqueued", shown=_per_s)
OUT: Final = Chart("out", "good", "done", shown=_per_s)
FAILED: Final = Chart("failed", "bad", "failed", shown=_per_s)
RETRIED: Final = Chart("retried", "warn", "retried", shown=_per_s)
WAIT50: Final = Chart("wait p50", "accent", value=lambda s: s.wait.p50 if s.wait else None, shown=span)
WAIT99: Final = Chart("wait p99", "warn", value=lambda s: s.wait.p99 if s.wait else None, shown=span)
RUN50: Final = Chart("run p50", "accent", value=lambda s: s.run.p50 if s.run else None, shown=span)
RUN99: Final = Chart("run p99", "good", value=lambda s: s.run.p99 if s.run else None, shown=span)
READY: Final = Chart("ready", "accent", value=lambda s: s.waiting)
RUNNING: Final = Chart("running", "good", value=lambda s: s.running)
SCHEDULED: Final = Chart("scheduled", "dim", value=lambda s: s.scheduled)
DEAD: Final = Chart("dead", "bad", value=lambda s: s.dead)

FIGURES: Final[tuple[tuple[str, float, tuple[Chart, ...]], ...]] = (
    ("all figures", QUARTER_S, (IN, OUT, FAILED, READY, WAIT99, RUN99)),
    ("throughput", HOUR_S, (IN, OUT, FAILED, RETRIED)),
    ("times", QUARTER_S, (WAIT50, WAIT99, RUN50, RUN99)),
    ("depth", QUARTER_S, (READY, RUNNING, SCHEDULED, DEAD)),
)
"""Name, how far back, and what is drawn."""


class Charts(View):
    """A list of queues, and beside it the charts of the one under the cursor."""

    title = "Charts"
    DEFAULT_CSS = """
    Charts { layout: horizontal; }
    Charts > Rows { width: 20; margin-right: 1; }
    Charts > Lines { width: 1fr; }
    """

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="charts")
        self._pen = pen
        self._figure = 0
        self._samples = Samples()

    def compose(self) -> ComposeResult:
        """Queues at the left."""
        names = Column("name", "QUEUE", 8, lambda name: (name or ALL, ""), lambda name: name, right=False,
                       flexible=True, descending=False)  # fmt: skip
        yield Rows([names], key=lambda name: name, pen=self._pen, order=Ordering([names]), id="chart-queues")
        yield Lines(id="chart-lines")

    def show(self, scene: Scene) -> None:
        """The charts as of the frame."""
        rows, lines = self.query_one(Rows), self.query_one(Lines)
        rows.show(queue_names(scene.frame.queues))
        if self._samples.queue != self._chosen():
            self._samples = Samples(self._chosen())
        name, seconds, charts = FIGURES[self._figure]
        title = f"{self._chosen() or ALL}: {name}, the last {span(seconds)}"
        width, height = lines.size.width, lines.size.height
        drawn = chart_lines(scene, self._samples, Room(seconds, charts, width, max(2, height - 2)))
        lines.show([((title, "dim"),), *drawn, axis(seconds, width)])

    def next_metric(self) -> None:
        """The next figure."""
        self._figure = (self._figure + 1) % len(FIGURES)

    def aim(self, about: str) -> None:
        """The charts of a queue."""
        self.query_one(Rows).go_to(about)

    def subject(self) -> str:
        """The queue."""
        return self._chosen()

    def attended(self) -> list[str]:
        """The queue that is drawn."""
        return [self._chosen()]

    def goal(self) -> Goal | None:
        """The queue in the list of queues."""
        return Goal("queues", self._chosen()) if self._chosen() else None

    def _chosen(self) -> str:
        return str(self.query_one(Rows).current or "")

    def command(self) -> str:
        """The same figures, as they come."""
        queue = ["-q", self._chosen()] if self._chosen() else []
        return shlex.join(["taskq", "stats", *queue, "--watch"])


@dataclass(frozen=True, slots=True)
class Room:
    """What is to be drawn, how far back, and the room for it."""

    seconds: float
    charts: tuple[Chart, ...]
    width: int
    height: int


def chart_lines(scene: Scene, samples: Samples, room: Room) -> list[Line]:
    """The charts one below the other, with their figures at the left."""
    cells = max(10, room.width - LABEL)
    each, more = divmod(max(len(room.charts), room.height), len(room.charts))
    seen = samples.of(scene.store, scene.frame.at, room.seconds, cells)
    lines: list[Line] = []
    for place, chart in enumerate(room.charts):
        values = values_of(chart, scene, samples.queue, seen, room.seconds)
        height = each + (place < more)
        now, top = chart.shown(latest(chart, scene, samples.queue, values)), chart.shown(max(values))
        marks = [f"{chart.title} {now}" if height == 1 else chart.title, now, f"top {top}"]
        # filled charts one right below the other would look like one
        free = height >= GAPPED and place < len(room.charts) - 1
        for number, drawn in enumerate(plot(values, cells, height - free, scene.pen)):
            mark = marks[number] if number < min(height, 3) else ""
            lines.append(((f"{mark:<{LABEL}}", "strong" if number == 0 else "dim"), (drawn, chart.look)))
        if free:
            lines.append(((marks[height - 1] if height == len(marks) else "", "dim"),))
    return lines


def values_of(chart: Chart, scene: Scene, queue: str, seen: list[Sample], seconds: float) -> list[float]:
    """A chart's values, one a cell."""
    if not chart.counted:
        return [float(chart.value(one) or 0.0) for one in seen]
    if not queue:
        return scene.store.rates(scene.frame, chart.counted, seconds, len(seen))
    series = scene.store.series.get(queue)
    if series is None:
        return [0.0] * len(seen)
    return series.rates(scene.frame.at.timestamp(), seconds, len(seen), chart.counted)


def latest(chart: Chart, scene: Scene, queue: str, values: list[float]) -> float:
    """A chart's figure as of the frame: rates are those of the last seconds, as everywhere else."""
    if not chart.counted:
        return values[-1]
    queues = [each for each in scene.frame.queues if not queue or each.name == queue]
    return sum(scene.store.rate(each, chart.counted) for each in queues)


def axis(seconds: float, width: int) -> Line:
    """What the left and the right end of the charts are."""
    room = max(0, width - LABEL - 3)
    return ((" " * LABEL, ""), (f"{'-' + span(seconds):<{room}}now", "dim"))
