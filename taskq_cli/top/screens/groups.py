"""Groups of jobs that have not ended, or did a short time ago: how far each is, and what holds it up.

They are asked for while this screen is on top, of queues that have any; of the past they are not known.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from textual.app import ComposeResult
from textual.message import Message

from taskq_cli.top.format import Pen, ago
from taskq_cli.top.frame import Frame
from taskq_cli.top.screens.jobs import JobsOf
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Cell, Column
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_cli.why.facts import many
from taskq_core import Client, GroupInfo, GroupState, State

MOST_QUEUES: Final = 20
"""Queues that are asked, the one that one came from first."""
MOST: Final = 100
"""Groups of a queue, those that have not ended first."""
ENDED: Final = timedelta(minutes=5)
"""One that has ended is shown so much longer."""
BAR: Final = 10
SIGNS: Final = {
    GroupState.FINISHED: ("fine", "dim"),
    GroupState.OPEN: ("idle", "good"),
    GroupState.RUNNING: ("busy", "good"),
    GroupState.INCOMPLETE: ("warning", "warn"),
    GroupState.STUCK: ("warning", "warn"),
    GroupState.FAILED: ("severe", "bad"),
}
"""The glyph and the look of each state."""
RANKS: Final = {state: n for n, state in enumerate(SIGNS)}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group at a moment, by the server's clock."""

    info: GroupInfo
    at: datetime

    @property
    def id(self) -> str:
        """Its full reference."""
        return str(self.info.ref)

    @property
    def whole(self) -> int:
        """As many members as it has, or is to have."""
        return max(self.info.total, self.info.expected or 0)

    @property
    def done(self) -> float:
        """The share that is done, from 0 to 1."""
        return self.info.done / self.whole if self.whole else 0.0

    @property
    def state(self) -> GroupState:
        """Its state; failed also while others of its members still run."""
        state = self.info.state
        return GroupState.FAILED if self.info.dead and state is not GroupState.FINISHED else state


class GroupRows(Rows):
    """Rows that say when the cursor has moved."""

    class Moved(Message):
        """The cursor is on another row."""

    def _settle(self) -> None:
        super()._settle()
        self.post_message(self.Moved())


class Groups(View):
    """Groups of all queues, one row each."""

    title = "Groups"
    DEFAULT_CSS = "Groups > #groups-about { height: 1; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="groups")
        self._pen = pen
        self._found: list[GroupInfo] | None = None
        self._first = ""

    def compose(self) -> ComposeResult:
        """What to do about the group under the cursor, and the list."""
        yield Lines(id="groups-about")
        columns = group_columns(self._pen)
        yield GroupRows(
            columns, key=lambda row: row.id, pen=self._pen, order=Ordering(columns, ("state", "age")),
            id="group-rows",
        )  # fmt: skip

    def aim(self, about: str) -> None:
        """Of very many queues with groups this one is certainly asked."""
        self._first = about
        self.ask_soon()

    def show(self, scene: Scene) -> None:
        """Asks for the groups; shows the last answer."""
        rows = self.query_one(GroupRows)
        if not scene.live:
            rows.empty = "groups are listed live only"
            rows.show([])
            return
        queues = having_groups(scene.frame, {info.ref.queue for info in self._found or ()}, self._first)
        self.inquire(lambda client: groups_of(client, queues), self._take)
        rows.empty = (
            "asking…" if self._found is None else "no group: taskq enqueue TASK --group NAME makes one"
        )
        found = [GroupRow(info, scene.frame.at) for info in self._found or ()]
        rows.show([row for row in found if _recent(row)])

    def on_group_rows_moved(self) -> None:
        """Says what to do about the group that the cursor is on now."""
        self.query_one(Lines).show([advice(self._current)])

    def _take(self, found: list[GroupInfo]) -> None:
        self._found = found
        self.stage.draw()

    @property
    def _current(self) -> GroupRow | None:
        current = self.query_one(GroupRows).current
        return current if isinstance(current, GroupRow) else None

    def subject(self) -> str:
        """The group under the cursor."""
        return self._current.id if self._current is not None else ""

    def goal(self) -> Goal | None:
        """Its dead members, those that wait, or its callback when it has ended."""
        row = self._current
        if row is None:
            return None
        if row.info.job is not None and not row.info.dead:
            return Goal("job", row.info.job)
        state = State.DEAD if row.info.dead else State.READY
        return Goal("jobs", JobsOf(row.info.ref.queue, f"group={row.info.ref.id}", state))

    def command(self) -> str:
        """The same list, or the group under the cursor."""
        return shlex.join(["taskq", "group", "show", self.subject()]) if self.subject() else "taskq group ls"


def having_groups(frame: Frame, known: Collection[str], first: str = "") -> list[str]:
    """Queues that have groups which have not ended, or had some at the last look."""
    found = [queue.name for queue in frame.queues if queue.groups or queue.name in known]
    return sorted(found, key=lambda name: name != first)[:MOST_QUEUES]


def groups_of(client: Client, queues: list[str]) -> list[GroupInfo]:
    """A page of each queue. Raises: TaskqError."""
    return [info for queue in queues for info in client.groups.list(queue, limit=MOST)]


def advice(row: GroupRow | None) -> Line:
    """What to do about a group that does not go on by itself; else how it stands, in words."""
    if row is None:
        return (("", ""),)
    info, look = row.info, SIGNS[row.state][1]
    if row.state is GroupState.FAILED or info.advice:
        retry = f"{many(info.dead, 'member')} died: enter lists them, R there retries them"
        return ((row.id, "strong"), (f"  {retry if info.dead else info.advice}", look))
    if info.finished_at is not None:
        after = f", {info.callback} was enqueued" if info.job is not None else ""
        return ((row.id, "strong"), (f"  ended {ago(info.finished_at, row.at)} ago{after}", "dim"))
    after = f"; {info.callback} comes {'when all are done' if info.when == 'done' else 'at the end'}"
    left = "more members may come" if info.open else f"{many(info.pending, 'member')} to go"
    return ((row.id, "strong"), (f"  {left}{after if info.callback else ''}", "dim"))


def _recent(row: GroupRow) -> bool:
    ended = row.info.finished_at
    return ended is None or row.at - ended < ENDED


def group_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""

    def look(row: GroupRow) -> str:
        return SIGNS[row.state][1]

    def state(row: GroupRow) -> int:
        return RANKS[row.state]

    def number(value: int, warn: str = "") -> Cell:
        return pen.count(value), warn if value else "dim"

    def done(row: GroupRow) -> Cell:
        # all are done only when the last one is
        percent = int(100 * row.done)
        return f"{pen.bar(row.done, BAR)} {percent:>3}%", look(row)

    def gone(row: GroupRow) -> int:
        return row.info.cancelled + row.info.removed

    return [
        Column("sign", "!", 1, lambda r: (pen.glyph(SIGNS[r.state][0]), look(r)), state, right=False),
        Column("group", "GROUP", 14, lambda r: (r.id, ""), lambda r: r.id, right=False, flexible=True,
               descending=False),
        Column("state", "STATE", 10, lambda r: (str(r.state), look(r)), state, 2, right=False),
        Column("progress", "DONE", BAR + 5, done, lambda r: r.done, right=False),
        Column("left", "LEFT", 8, lambda r: number(r.info.pending), lambda r: r.info.pending, 1),
        Column("dead", "DEAD", 6, lambda r: number(r.info.dead, "bad"), lambda r: r.info.dead),
        Column("gone", "GONE", 6, lambda r: number(gone(r), "warn"), gone, 5),
        Column("total", "OF", 8, lambda r: number(r.whole), lambda r: r.whole, 3),
        Column("age", "AGE", 6, lambda r: (ago(r.info.created_at, r.at), ""), lambda r: r.info.created_at
               and (r.at - r.info.created_at).total_seconds(), 4),
        Column("callback", "CALLBACK", 10, lambda r: (r.info.callback or "-", "" if r.info.callback
               else "dim"), lambda r: r.info.callback or "", 6, right=False, flexible=True, descending=False),
    ]  # fmt: skip
