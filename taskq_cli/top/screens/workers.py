"""The list of workers: who is there, what they do, and who fell silent."""

from __future__ import annotations

import shlex
from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen, rate
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Column
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_cli.top.worker_row import WorkerRow, worker_rows

SIGNS: Final = {
    "working": ("busy", "good"),
    "idle": ("idle", "dim"),
    "stopping": ("draining", "warn"),
    "silent": ("stale", "warn"),
    "stuck": ("severe", "bad"),
    "gone": ("disconnected", "bad"),
    "left": ("idle", "dim"),
}
"""The glyph and the look of each state."""
RANKS: Final = {state: n for n, state in enumerate(("left", "idle", "working", "stopping", "silent"))}


class Workers(View):
    """All workers, one row a process."""

    title = "Workers"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="workers")
        self._pen = pen

    def compose(self) -> ComposeResult:
        """One list."""
        columns = worker_columns(self._pen)
        yield Rows(
            columns, key=lambda row: row.id, pen=self._pen, order=Ordering(columns, ("state", "busy")),
            id="worker-rows",
        )  # fmt: skip

    def show(self, scene: Scene) -> None:
        """The workers of the frame."""
        rows = self.query_one(Rows)
        rows.empty = "no worker is alive: taskq worker MODULE:queue starts one"
        rows.show(worker_rows(scene.store, scene.frame))

    def subject(self) -> str:
        """The id of the worker under the cursor."""
        current = self.query_one(Rows).current
        return current.id if isinstance(current, WorkerRow) else ""

    def goal(self) -> Goal | None:
        """The worker and its jobs."""
        return Goal("worker", self.subject()) if self.subject() else None

    def aim(self, about: str) -> None:
        """Those of one queue come first into view; an empty name shows all."""
        rows = self.query_one(Rows)
        rows.filter = f"queues~{about}" if about else ""
        rows.rearrange()

    def command(self) -> str:
        """The same list, or the worker under the cursor."""
        return (
            shlex.join(["taskq", "workers", "show", self.subject()]) if self.subject() else "taskq workers ls"
        )


def worker_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""

    def look(row: WorkerRow) -> str:
        return SIGNS[row.state][1]

    def severity(row: WorkerRow) -> int:
        return RANKS.get(row.state, len(RANKS))

    def busy(row: WorkerRow) -> tuple[str, str]:
        latest = row.worker.latest
        return f"{latest.busy}/{latest.slots}", "" if latest.busy else "dim"

    def said(row: WorkerRow, name: str) -> str:
        return row.worker.latest.about.get(name, "")

    return [
        Column("sign", "!", 1, lambda r: (pen.glyph(SIGNS[r.state][0]), look(r)), severity, right=False),
        Column("worker", "WORKER", 10, lambda r: (r.id, ""), lambda r: r.id, right=False, flexible=True,
               descending=False),
        Column("state", "STATE", 8, lambda r: (r.state, look(r)), severity, 2, right=False),
        Column("host", "HOST", 10, lambda r: (r.worker.latest.host, ""), lambda r: r.worker.latest.host, 3,
               right=False, descending=False),
        Column("pid", "PID", 7, lambda r: (str(r.worker.latest.pid or ""), ""),
               lambda r: r.worker.latest.pid, 4),
        Column("queues", "QUEUES", 10, lambda r: (r.queues, ""), lambda r: r.queues, 1, right=False,
               flexible=True, descending=False),
        Column("busy", "BUSY", 7, busy, lambda r: r.worker.latest.busy),
        Column("rate", "JOBS/s", 6, lambda r: ("" if r.rate is None else rate(r.rate), ""),
               lambda r: r.rate, 5),
        Column("seen", "SEEN", 6, lambda r: (r.seen, look(r)), lambda r: r.seen_s, 1),
        Column("done", "DONE", 8, lambda r: (pen.count(r.worker.latest.count("done")), ""),
               lambda r: r.worker.latest.count("done"), 7),
        Column("failed", "FAILED", 7, lambda r: (pen.count(r.worker.latest.count("failed")), ""),
               lambda r: r.worker.latest.count("failed"), 6),
        Column("version", "VERSION", 8, lambda r: (said(r, "version"), "dim"),
               lambda r: said(r, "version"), 8, right=False),
    ]  # fmt: skip
