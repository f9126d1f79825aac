"""The first screen: what is wrong, what comes and goes, and the queues that matter most."""

from __future__ import annotations

from textual.app import ComposeResult

from taskq_cli.top.detectors import Finding
from taskq_cli.top.format import Pen, about, rate
from taskq_cli.top.queue_row import QueueRow, queue_rows
from taskq_cli.top.screens.queue_columns import SPARK_CELLS, queue_columns
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Column, telling
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.plot import plot
from taskq_cli.top.widgets.rows import Rows

CHART_S = 15 * 60.0
MOST_FINDINGS = 6
LABEL = 12
SMALL = 25
"""Lines below which charts are lower, so that some queues are seen as well."""
CHARTS = (("enqueued", "in", "accent"), ("done", "out", "good"), ("failed", "failed", "bad"))


class Overview(View):
    """What is wrong comes first, because it is why one looks."""

    title = "Overview"
    DEFAULT_CSS = """
    Overview > #trouble { height: auto; max-height: 8; }
    Overview > #flow { height: 9; margin: 1 0; }
    """

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="overview")
        self._pen = pen
        self._columns = queue_columns(pen)
        self._troubled = False

    def compose(self) -> ComposeResult:
        """Findings, charts, queues."""
        pen = self._pen
        yield Rows(finding_columns(pen), key=lambda row: (row.queue, row.text[:12]), pen=pen, id="trouble")
        yield Lines(id="flow")
        order = Ordering(self._columns, ("oldest",))
        yield Rows(self._columns, key=lambda row: row.name, pen=pen, order=order, id="busiest")

    def show(self, scene: Scene) -> None:
        """The scene."""
        trouble = self.query_one("#trouble", Rows)
        trouble.empty = f"{scene.pen.glyph('fine')} nothing wrong is seen"
        trouble.styles.height = 1 + max(1, min(MOST_FINDINGS, len(scene.findings)))
        trouble.show(scene.findings)
        if self._troubled != bool(scene.findings):
            # something is wrong now, or nothing any more: that is where one wants to be
            self._troubled = bool(scene.findings)
            (trouble if self._troubled else self.query_one("#busiest", Rows)).focus()
        small = self.size.height < SMALL
        flow = self.query_one("#flow", Lines)
        each = 2 if small else 3
        flow.styles.height = each * len(CHARTS)
        flow.show(flow_lines(scene, self.size.width, each))
        busiest, found = self.query_one("#busiest", Rows), queue_rows(scene.store, scene.frame, SPARK_CELLS)
        busiest.tell_of(telling(self._columns, found))
        busiest.show(found)
        self._show_cursor()

    def on_descendant_focus(self) -> None:
        """Only the list that keys move in shows its cursor."""
        self._show_cursor()

    def _show_cursor(self) -> None:
        here = self.rows
        for rows in self.query(Rows):
            rows.activate(rows is here)

    @property
    def rows(self) -> Rows | None:
        """The list the cursor is in: the findings, while there are any."""
        trouble, busiest = self.query_one("#trouble", Rows), self.query_one("#busiest", Rows)
        return trouble if trouble.shown and not busiest.has_focus else busiest

    def subject(self) -> str:
        """The queue of the finding, or the queue."""
        current = self.rows.current if self.rows else None
        return current.queue if isinstance(current, Finding) else getattr(current, "name", "")

    def attended(self) -> list[str]:
        """The queues on screen."""
        return [row.name for row in self.query_one("#busiest", Rows).window if isinstance(row, QueueRow)]

    def goal(self) -> Goal | None:
        """The screen on which the finding can be looked into, or the jobs of the queue."""
        current = self.rows.current if self.rows else None
        if isinstance(current, Finding):
            return Goal(current.screen, current.queue)
        return Goal("jobs", self.subject()) if self.subject() else None


def finding_columns(pen: Pen) -> list[Column]:
    """What is wrong, and the key that leads on."""

    def sign(finding: Finding) -> tuple[str, str]:
        severe = finding.severity > 1
        return pen.glyph("severe" if severe else "warning"), "bad" if severe else "warn"

    return [
        Column("severity", "!", 1, sign, lambda f: f.severity, right=False),
        Column(
            "queue", "QUEUE", 14, lambda f: (f.queue or "server", "strong"), lambda f: f.queue, right=False
        ),
        Column(
            "text", "WHAT IS WRONG", 30, lambda f: (f.text, ""), lambda f: f.text, right=False, flexible=True
        ),
        Column("key", "KEY", 5, lambda f: (f.key, "accent"), lambda f: f.key, rank=1),
    ]


def flow_lines(scene: Scene, width: int, height: int) -> list[Line]:
    """Three charts of the last quarter of an hour, one below the other."""
    cells = max(10, width - LABEL - 1)
    measured = all(map(scene.store.measured, scene.frame.queues))
    lines: list[Line] = []
    for name, label, look in CHARTS:
        values = scene.store.rates(scene.frame, name, CHART_S, cells)
        drawn = plot(values, cells, height, scene.pen)
        now = about(values[-1], measured=measured)
        marks = [label, f"{now}/s", f"top {rate(max(values))}"][:height]
        for number, line in enumerate(drawn):
            mark = marks[number] if number < len(marks) else ""
            lines.append(((f"{mark:<{LABEL}}", "strong" if number == 0 else "dim"), (line, look)))
    return lines
