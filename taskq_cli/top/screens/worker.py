"""One worker: what it says of itself, and the jobs in its hands."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from textual.app import ComposeResult

from taskq_cli.notes_views import percent
from taskq_cli.top.format import Pen, clock, rate, span
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.screens.workers import SIGNS
from taskq_cli.top.widgets.columns import Column
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_cli.top.worker_row import WorkerRow, worker_rows
from taskq_core import Client, HeldJob, JobNotes, JobRef, WorkerProcess

MOST: Final = 1_000
"""Jobs of a queue: more than a worker ever shows."""
BAR: Final = 10
LIVE_ONLY: Final = "the jobs it held then: only their ids are known"


class Worker(View):
    """The worker that one came for, as long as it is known; its jobs are asked for while it is on top."""

    title = "Worker"
    DEFAULT_CSS = "Worker > #about { height: 8; } Worker > Rows { height: 1fr; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="worker")
        self._pen = pen
        self._worker = ""
        self._row: WorkerRow | None = None
        self._held: tuple[HeldRow, ...] = ()
        self._held_of = ""
        self._when: datetime | None = None

    def compose(self) -> ComposeResult:
        """What it says, and its jobs."""
        yield Lines(id="about")
        columns = held_columns(self._pen)
        yield Rows(columns, key=lambda row: row.ref, pen=self._pen, order=Ordering(columns, ("held",)),
                   id="held-rows")  # fmt: skip

    def aim(self, about: str) -> None:
        """Shows this worker."""
        self._worker, self._row, self._held, self._held_of = about, None, (), ""
        self.ask_soon()

    def show(self, scene: Scene) -> None:
        """How the worker is in the frame."""
        found = [row for row in worker_rows(scene.store, scene.frame) if row.id == self._worker]
        if found:
            self._row, self._when = found[0], scene.frame.at
        row = self._row
        about = self.query_one("#about", Lines)
        rows = self.query_one(Rows)
        if row is None:
            about.show([(("no worker is chosen: 5 lists them, enter opens one" if not self._worker else
                          f"nothing is known of worker {self._worker} at this time", "dim"),)])  # fmt: skip
            rows.show([])
            return
        about.show(about_lines(row, self._when or scene.frame.at, scene.pen))
        rows.empty = "no job in its hands" if scene.live else LIVE_ONLY
        if scene.live and row.state not in ("gone", "left"):
            worker = row.worker
            self.inquire(lambda client: held(client, worker), lambda rows: self._take(worker.id, rows))
        known = self._held if scene.live and self._held_of == self._worker else ()
        rows.show(list(known) or [HeldRow(ref) for ref in row.worker.running])

    def _take(self, worker: str, rows: tuple[HeldRow, ...]) -> None:
        if worker == self._worker:
            self._held, self._held_of = rows, worker
            self.stage.draw()

    @property
    def worker_id(self) -> str:
        """The worker's id; empty when none is chosen."""
        return self._worker

    def subject(self) -> str:
        """The job under the cursor, or the worker."""
        current = self.query_one(Rows).current
        return str(current.ref) if isinstance(current, HeldRow) else self._worker

    def goal(self) -> Goal | None:
        """The job under the cursor."""
        current = self.query_one(Rows).current
        return Goal("job", current.ref) if isinstance(current, HeldRow) else None

    def command(self) -> str:
        """The same worker."""
        return shlex.join(["taskq", "workers", "show", self._worker]) if self._worker else "taskq workers ls"


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A job in a worker's hands; only its reference is known of the past."""

    ref: JobRef
    task: str = ""
    held_s: float | None = None
    deliveries: int | None = None
    progress: float | None = None
    note: str = ""


def held_row(job: HeldJob, notes: JobNotes | None) -> HeldRow:
    """A job that the server told of, and how far it said it is."""
    told = notes or JobNotes()
    return HeldRow(job.ref, job.task, job.held_for.total_seconds(), job.deliveries, told.progress, told.note)


def held(client: Client, worker: WorkerProcess) -> tuple[HeldRow, ...]:
    """The jobs in a worker's hands, of all its queues."""
    rows: list[HeldRow] = []
    for lease in worker.leases:
        jobs = client.held(lease.queue, lease.id)[:MOST]
        said = client.notes(lease.queue, [job.ref.id for job in jobs]) if jobs else []
        rows += [held_row(job, notes) for job, notes in zip(jobs, said, strict=True)]
    return tuple(rows)


def held_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""
    return [
        Column("job", "JOB", 20, lambda r: (str(r.ref), ""), lambda r: str(r.ref), right=False, flexible=True,
               descending=False),
        Column("task", "TASK", 12, lambda r: (r.task, ""), lambda r: r.task, 1, right=False, flexible=True,
               descending=False),
        Column("held", "HELD", 7, lambda r: (span(r.held_s), ""), lambda r: r.held_s),
        Column("progress", "PROGRESS", 16, lambda r: (_progress(r, pen), ""), lambda r: r.progress, 3,
               right=False, flexible=True),
        Column("taken", "TAKEN", 6, lambda r: ("" if r.deliveries is None else f"{r.deliveries}x",
               "warn" if (r.deliveries or 0) > 1 else "dim"), lambda r: r.deliveries, 2),
    ]  # fmt: skip


def _progress(row: HeldRow, pen: Pen) -> str:
    if row.progress is None:
        return ""
    return f"{pen.bar(row.progress, BAR)} {percent(row.progress):>5} {row.note}"


def about_lines(row: WorkerRow, now: datetime, pen: Pen) -> list[Line]:
    """What a worker says of itself."""
    latest, about = row.worker.latest, row.worker.latest.about
    glyph, look = SIGNS[row.state]
    lease = f"runs out in {row.lease_s:.0f}s" if row.lease_s > 0 else "has run out: its jobs go to others"
    started = latest.started_at
    since = (
        "" if started is None else f", since {clock(started)}, for {span((now - started).total_seconds())}"
    )
    ended = f"{pen.count(latest.count('done'))} done, {pen.count(latest.count('failed'))} failed"
    per_s = "" if row.rate is None else f", {rate(row.rate)} jobs/s"
    return [
        (("worker    ", "dim"), (row.id, "strong"), (f"   {pen.glyph(glyph)} {row.state}", look)),
        (("host      ", "dim"), (f"{latest.host}, pid {latest.pid}{since}", "")),
        (("runs      ", "dim"), (f"{latest.busy} of {latest.slots} slots; {ended}{per_s}", "")),
        (("queues    ", "dim"), (", ".join(row.worker.queues), "")),
        (("tasks     ", "dim"), (", ".join(row.tasks), "")),
        (("heard of  ", "dim"), (f"{row.seen} ago; its lease {lease}", look)),
        (
            ("version   ", "dim"),
            (f"taskq {about.get('version', '?')}, Python {about.get('python', '?')}", ""),
        ),
        (),
    ]
