"""Schedules: when each fires next, when it last did and how late, and what it missed.

They are asked for while this screen is on top, and of the past they are not known.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from textual.app import ComposeResult

from taskq_cli.schedule_views import declared_by, is_orphan, state_of
from taskq_cli.top.format import Pen, span
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Column
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_core import ScheduleInfo, ScheduleRef

MOST_QUEUES: Final = 200
SIGNS: Final = {
    "active": ("busy", "good"),
    "ended": ("idle", "dim"),
    "paused": ("paused", "warn"),
    "orphan": ("warning", "warn"),
    "overdue": ("severe", "bad"),
    "malformed": ("severe", "bad"),
}
"""The glyph and the look of each state."""
RANKS: Final = {state: n for n, state in enumerate(SIGNS)}


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule at a moment, by the server's clock."""

    info: ScheduleInfo
    state: str
    at: datetime

    @property
    def id(self) -> str:
        """Its full reference."""
        return str(self.info.ref)

    @property
    def ref(self) -> ScheduleRef:
        """The same as a value."""
        return self.info.ref

    @property
    def next_s(self) -> float | None:
        """Seconds until it fires; negative when that is overdue."""
        return None if self.info.next_at is None else (self.info.next_at - self.at).total_seconds()

    @property
    def last_s(self) -> float | None:
        """Seconds since it last fired."""
        return None if self.info.last is None else (self.at - self.info.last.at).total_seconds()

    @property
    def drift_s(self) -> float | None:
        """How late the last run was."""
        return None if self.info.last is None else self.info.last.drift.total_seconds()


class Schedules(View):
    """All schedules, one row each."""

    title = "Schedules"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="schedules")
        self._pen = pen
        self._found: list[ScheduleInfo] | None = None

    def compose(self) -> ComposeResult:
        """One list."""
        columns = schedule_columns(self._pen)
        yield Rows(
            columns, key=lambda row: row.id, pen=self._pen, order=Ordering(columns, ("state", "next")),
            id="schedule-rows",
        )  # fmt: skip

    def show(self, scene: Scene) -> None:
        """Asks for the schedules; shows the last answer."""
        rows = self.query_one(Rows)
        if not scene.live:
            rows.empty = "schedules are listed live only"
            rows.show([])
            return
        queues = [queue.name for queue in scene.frame.queues][:MOST_QUEUES]
        self.inquire(lambda client: client.schedules.list(queues), self._take)
        rows.empty = (
            "asking…"
            if self._found is None
            else ("no schedules: @queue.cron(…) declares one, taskq schedule add makes one")
        )
        declared = declared_by(scene.frame.workers)
        rows.show(
            [schedule_row(info, declared.get(info.ref.queue), scene.frame.at) for info in self._found or ()]
        )

    def _take(self, found: list[ScheduleInfo]) -> None:
        self._found = found
        self.stage.draw()

    def subject(self) -> str:
        """The schedule under the cursor."""
        current = self.query_one(Rows).current
        return current.id if isinstance(current, ScheduleRow) else ""

    def goal(self) -> Goal | None:
        """The job of its last run."""
        current = self.query_one(Rows).current
        last = current.info.last if isinstance(current, ScheduleRow) else None
        return Goal("job", last.job) if last is not None and last.job is not None else None

    def command(self) -> str:
        """The same list, or the schedule under the cursor."""
        if not self.subject():
            return "taskq schedule ls"
        return shlex.join(["taskq", "schedule", "show", self.subject()])


def schedule_row(info: ScheduleInfo, declared: Collection[str] | None, at: datetime) -> ScheduleRow:
    """A schedule as it stands at that time."""
    return ScheduleRow(info, state_of(info, orphan=is_orphan(info, declared)), at)


def schedule_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""

    def look(row: ScheduleRow) -> str:
        return SIGNS[row.state][1]

    def due(row: ScheduleRow) -> tuple[str, str]:
        if row.next_s is None:
            return "-", "dim"
        return (span(row.next_s), "") if row.next_s >= 0 else (f"-{span(-row.next_s)}", look(row))

    def missed(row: ScheduleRow) -> tuple[str, str]:
        return pen.count(row.info.missed), "warn" if row.info.missed else "dim"

    def last(row: ScheduleRow) -> tuple[str, str]:
        return (span(max(0.0, row.last_s)), "") if row.last_s is not None else ("-", "dim")

    return [
        Column("sign", "!", 1, lambda r: (pen.glyph(SIGNS[r.state][0]), look(r)), lambda r: RANKS[r.state],
               right=False),
        Column("schedule", "SCHEDULE", 12, lambda r: (r.id, ""), lambda r: r.id, right=False, flexible=True,
               descending=False),
        Column("state", "STATE", 9, lambda r: (r.state, look(r)), lambda r: RANKS[r.state], 2, right=False),
        Column("spec", "WHEN", 14, lambda r: (r.info.schedule.spec, ""), lambda r: r.info.schedule.spec, 3,
               right=False, descending=False),
        Column("zone", "ZONE", 16, lambda r: (r.info.schedule.tz, "dim"), lambda r: r.info.schedule.tz, 8,
               right=False, descending=False),
        Column("task", "TASK", 12, lambda r: (r.info.schedule.task, ""), lambda r: r.info.schedule.task, 5,
               right=False, flexible=True, descending=False),
        Column("next", "NEXT", 6, due, lambda r: r.next_s, descending=False),
        Column("last", "LAST", 6, last, lambda r: r.last_s, 1),
        Column("drift", "DRIFT", 6, lambda r: (span(r.drift_s), "") if r.drift_s else ("-", "dim"),
               lambda r: r.drift_s, 4),
        Column("missed", "MISSED", 6, missed, lambda r: r.info.missed, 1),
        Column("fired", "FIRED", 7, lambda r: (pen.count(r.info.fired), ""), lambda r: r.info.fired, 6),
        Column("skipped", "SKIPPED", 7, lambda r: (pen.count(r.info.skipped), ""),
               lambda r: r.info.skipped, 9),
        Column("outcome", "OUTCOME", 9, lambda r: (_outcome(r), "dim"), _outcome, 7, right=False),
    ]  # fmt: skip


def _outcome(row: ScheduleRow) -> str:
    return row.info.last.outcome if row.info.last is not None else ""
