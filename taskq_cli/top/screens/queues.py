"""The list of queues: depth, rates, forecast, waiting and running times."""

from __future__ import annotations

import shlex

from textual.app import ComposeResult

from taskq_cli.top.format import Pen
from taskq_cli.top.queue_row import QueueRow, queue_rows
from taskq_cli.top.screens.queue_columns import SPARK_CELLS, queue_columns
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import telling
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows


class Queues(View):
    """All queues."""

    title = "Queues"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="queues")
        self._columns = queue_columns(pen)
        self._pen = pen

    def compose(self) -> ComposeResult:
        """One list."""
        order = Ordering(self._columns, ("oldest",))
        yield Rows(self._columns, key=lambda row: row.name, pen=self._pen, order=order, id="queue-rows")

    def show(self, scene: Scene) -> None:
        """The queues of the frame."""
        rows = self.query_one(Rows)
        rows.empty = "no queue yet: taskq enqueue TASK key=value -q QUEUE makes one"
        found = queue_rows(scene.store, scene.frame, SPARK_CELLS)
        rows.tell_of(telling(self._columns, found))
        rows.show(found)

    def subject(self) -> str:
        """The queue under the cursor."""
        current = self.query_one(Rows).current
        return current.name if isinstance(current, QueueRow) else ""

    def goal(self) -> Goal | None:
        """Its jobs."""
        return Goal("jobs", self.subject()) if self.subject() else None

    def aim(self, about: str) -> None:
        """The cursor to a queue, which no filter may hide."""
        rows = self.query_one(Rows)
        rows.filter = ""
        rows.go_to(about)

    def attended(self) -> list[str]:
        """The queues on screen."""
        return [row.name for row in self.query_one(Rows).window if isinstance(row, QueueRow)]

    def command(self) -> str:
        """The same figures of the queue under the cursor."""
        return shlex.join(["taskq", "stats", "-q", self.subject()]) if self.subject() else "taskq stats"
