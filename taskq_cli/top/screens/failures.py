"""Failures by cause: how many jobs died of it, whether it goes on, where, and since when."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from textual.app import ComposeResult

from taskq_cli.top.causes import RATE_S, Cause, Survey, Surveyor, Totals, causes, dead_totals, flows, survey
from taskq_cli.top.format import Pen, ago
from taskq_cli.top.screens.jobs import GroupJobs
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Cell, Column
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_core import State

SPARK_CELLS: Final = 8


class Failures(View):
    """What goes wrong, the most frequent first."""

    title = "Failures"
    DEFAULT_CSS = "Failures > #failures-about { height: 1; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="failures")
        self._pen = pen
        self._now = datetime.now(UTC)
        self._surveyor = Surveyor()
        self.queues: tuple[str, ...] = ()
        """All queues there are: a cause may be in any of them."""

    def compose(self) -> ComposeResult:
        """One line of totals, and the causes."""
        yield Lines(id="failures-about")
        columns = cause_columns(self._pen, lambda: self._now)
        order = Ordering(columns, ("rate", "dead"))
        yield Rows(columns, key=lambda row: row.fingerprint, pen=self._pen, order=order, id="causes")

    def show(self, scene: Scene) -> None:
        """The causes known by now; asks for dead jobs when there are others than at the last look."""
        self._now = scene.frame.at
        self.queues = tuple(queue.name for queue in scene.frame.queues)
        found = self._surveyor.survey if scene.live else None
        rows = self.query_one(Rows)
        rows.empty = f"{scene.pen.glyph('fine')} no job is dead, and none failed lately"
        rates = flows(scene.store, scene.frame, SPARK_CELLS)
        rows.show(causes(found.groups if found else None, scene.frame.failures, rates))
        self.query_one("#failures-about", Lines).show([self._about(scene, found)])
        totals = dead_totals(scene.frame)
        if scene.live and self._surveyor.due(totals):
            most_first = sorted(scene.frame.queues, key=lambda queue: -queue.dead)
            names = [queue.name for queue in most_first if queue.dead]
            self.inquire(
                lambda client: survey(client, names),
                lambda answer: self._take(answer, totals),
                every=self._surveyor.pause_s,
            )

    def _about(self, scene: Scene, found: Survey | None) -> Line:
        dead = sum(queue.dead for queue in scene.frame.queues)
        failed = sum(scene.store.count(queue, "failed", RATE_S) for queue in scene.frame.queues)
        told = f"{scene.pen.count(dead)} dead jobs, {failed:,.0f} attempts failed in the last minute"
        if not scene.live:
            told += "; causes of dead jobs: live only"
        elif found is None:
            told += "; asking the server …" if dead else ""
        elif not found.complete:
            told += f"; causes of the latest {found.looked:,}"
        return ((told, "dim"),)

    def _take(self, found: Survey, totals: Totals) -> None:
        self._surveyor.take(found, totals)
        if self.display:
            self.stage.draw()

    def renew(self) -> None:
        """Dead jobs are looked at again."""
        self._surveyor = Surveyor(self._surveyor.survey)
        self.ask_soon()

    def aim(self, about: Any) -> None:
        """The causes in one queue."""
        rows = self.query_one(Rows)
        rows.filter = f"queues~{about}" if about else ""
        rows.rearrange()

    def subject(self) -> str:
        """The cause's fingerprint."""
        current = self.query_one(Rows).current
        return current.fingerprint if isinstance(current, Cause) else ""

    def goal(self) -> Goal | None:
        """The jobs of the cause: the dead ones, or if there are none those that are tried again."""
        current = self.query_one(Rows).current
        if not isinstance(current, Cause):
            return None
        state = State.DEAD if current.dead else State.SCHEDULED
        return Goal("jobs", GroupJobs(current.fingerprint, current.queues, state))

    def command(self) -> str:
        """The same groups, or the jobs of the one under the cursor."""
        name = self.subject()
        return shlex.join(["taskq", "jobs", "--group", name]) if name else "taskq failures --group"


def cause_columns(pen: Pen, now: Callable[[], datetime]) -> list[Column]:
    """What is told of a cause."""

    def rate(cause: Cause) -> Cell:
        return f"{cause.per_minute:,.0f}", "bad" if cause.per_minute else "dim"

    def dead(cause: Cause) -> Cell:
        return "-" if cause.dead is None else pen.count(cause.dead), "bad" if cause.dead else "dim"

    def spark(cause: Cause) -> Cell:
        return pen.spark(cause.spark or [0.0] * SPARK_CELLS), "bad" if cause.per_minute else "dim"

    return [
        Column("dead", "DEAD", 7, dead, lambda c: c.dead),
        Column("rate", "FAIL/MIN", 8, rate, lambda c: c.per_minute, 1),
        Column("spark", "5 MIN", SPARK_CELLS, spark, lambda c: c.per_minute, 6, right=False),
        Column("last", "LAST", 6, lambda c: (ago(c.last, now()), ""), lambda c: c.last, 2),
        Column("first", "FIRST", 6, lambda c: (ago(c.first, now()), ""), lambda c: c.first, 7),
        Column("queues", "QUEUES", 10, lambda c: (" ".join(c.queues), ""), lambda c: c.queues, 3, right=False,
               descending=False),
        Column("task", "TASK", 12, lambda c: (c.task, ""), lambda c: c.task, 5, right=False,
               descending=False),
        Column("error", "ERROR", 20, lambda c: (f"{c.type}: {c.message}", ""), lambda c: c.type, right=False,
               flexible=True, descending=False),
        Column("sample", "SAMPLE", 24, lambda c: (str(c.sample), "dim"), lambda c: str(c.sample), 9,
               right=False),
        Column("group", "GROUP", 12, lambda c: (c.fingerprint, "dim"), lambda c: c.fingerprint, 8,
               right=False),
    ]  # fmt: skip
