"""What keys do that change nothing on the server: screens, rows, filters, order, time."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from textual import work
from textual.widget import Widget

from taskq_cli.durations import parse_duration
from taskq_cli.sanitize import clean
from taskq_cli.top.format import clock
from taskq_cli.top.help import help_lines
from taskq_cli.top.options import TopOptions
from taskq_cli.top.playback import Playback
from taskq_cli.top.screens.charts import Charts
from taskq_cli.top.screens.view import Goal, View
from taskq_cli.top.source import Source
from taskq_cli.top.widgets.dialog import Prompt, Sheet
from taskq_cli.top.widgets.rows import Rows
from taskq_core import Client

MOST_TICKS: Final = 100_000
"""As many a recording is read on when a later time is looked for."""
CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?Z?")
SECOND: Final = timedelta(milliseconds=999)
TRAIL: Final = 20
"""Screens that esc leads back through."""
SORT_AGAIN_S: Final = 2.0
"""Within this time a further `sort` adds a column instead of choosing another."""


class Navigation(Playback):
    """The actions of keys that only look."""

    def __init__(self, source: Source, client: Client | None, options: TopOptions) -> None:
        super().__init__(source, client, options)
        self._trail: list[str] = []
        self._maximised: list[Widget] = []
        self._sorted_at = 0.0

    def action_go(self, screen: str) -> None:
        """Shows a screen."""
        self.lead(Goal(screen))

    def lead(self, goal: Goal) -> None:
        """Shows a screen, and there what the goal is about; esc leads back."""
        before = self.view.id
        if before and before != goal.screen:
            self._trail = [*self._trail[-TRAIL:], before]
            self._restore()
        if goal.about is not None:
            self.query_one(f"#{goal.screen}", View).aim(goal.about)
        self.go(goal.screen)

    def action_open(self) -> None:
        """To what the cursor is on."""
        goal = self.view.goal()
        if goal is not None:
            self.lead(goal)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """The same with the mouse."""
        self.action_open()

    def action_step_back(self) -> None:
        """To the screen one came from; at the first one, or with a filter on, that is taken away."""
        rows = self.view.rows
        if rows is not None and rows.filter:
            self.action_clear_filter()
        elif self._trail:
            self._restore()
            self.go(self._trail.pop())

    def action_maximise(self) -> None:
        """The list, or the first part of the screen, over all of it; or as it was."""
        if not self._maximised:
            parts = list(self.view.children)
            kept = self.view.rows or parts[0]
            others = [
                part
                for part in parts
                if part.display and part is not kept and kept not in part.walk_children()
            ]
            if not others:
                self.say("it has the whole screen already")
                return
            for part in others:
                part.display = False
            self._maximised = others
        else:
            self._restore()
        self.call_after_refresh(self.draw)

    def _restore(self) -> None:
        for part in self._maximised:
            part.display = True
        self._maximised = []

    def action_next_metric(self) -> None:
        """The next figure of the charts."""
        view = self.view
        if isinstance(view, Charts):
            view.next_metric()
            self.draw()

    def action_help(self) -> None:
        """All keys."""
        lines = help_lines(self.view.id or "", read_only=self.read_only, ascii_only=self.pen.ascii_only)
        _ = self.push_screen(Sheet(lines))

    # -- rows -----------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """So many rows down."""
        if (found := self.view.rows) is not None:
            found.move(rows)
        elif (text := self.view.lines) is not None:
            text.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        """So many windows down."""
        if (found := self.view.rows) is not None:
            found.page(pages)
        elif (text := self.view.lines) is not None:
            text.scroll_relative(y=pages * max(1, text.size.height - 1), animate=False)

    def action_edge(self, side: int) -> None:
        """To the last row, or the first."""
        if (found := self.view.rows) is not None:
            found.edge(side)
        elif (text := self.view.lines) is not None:
            text.scroll_to(y=len(text.lines) if side > 0 else 0, animate=False)

    def action_mark(self) -> None:
        """Marks a row."""
        if (found := self.view.rows) is not None:
            found.mark()

    def action_mark_all(self) -> None:
        """Marks all rows, or none."""
        if (found := self.view.rows) is not None:
            found.mark_all()

    def action_invert(self) -> None:
        """Turns the order round."""
        if (found := self.view.rows) is not None:
            found.order.invert()
            found.rearrange()

    def action_sort(self) -> None:
        """By the next column; soon again: one more column, within the order there is."""
        rows = self.view.rows
        if rows is None:
            return
        further = time.monotonic() - self._sorted_at < SORT_AGAIN_S
        self._sorted_at = time.monotonic()
        name = rows.order.next([column.name for column in rows.columns], further=further)
        rows.rearrange()
        self.say(f"sorted by {name}; o again soon adds a column, i turns it round")

    @work
    async def action_filter(self) -> None:
        """Asks which rows to show."""
        rows = self.view.rows
        if rows is None:
            return
        names = " ".join(column.name for column in rows.columns)
        text = await self.push_screen_wait(
            Prompt("Show rows with", rows.filter, f"words; or column~word. Columns: {names}")
        )
        if text is not None:
            rows.filter = text.strip()
            rows.rearrange()
            self.say(f"{len(rows.shown):,} of {rows.total:,} rows; c shows all" if rows.filter else "")

    def action_clear_filter(self) -> None:
        """All rows again."""
        if (found := self.view.rows) is not None:
            found.filter = ""
            found.rearrange()
            self.say("")

    # -- time -----------------------------------------------------------------------------------

    def action_freeze(self) -> None:
        """Holds the picture."""
        self.clockwork.freeze()
        self.draw()

    def action_travel(self, ticks: int) -> None:
        """Back in time, or on; beyond the newest picture of a recording it is read further."""
        if ticks > 0 and self.clockwork.shown is self.store.latest and self.recording is not None:
            self.skip(ticks)
            return
        self.clockwork.travel(ticks)
        self.draw()

    @work
    async def action_go_to_time(self) -> None:
        """Asks for a time and shows what was there."""
        text = await self.push_screen_wait(
            Prompt("Go to", "", "12:04, 12:04:30 (UTC), or 5m for five minutes ago")
        )
        latest = self.store.latest
        if text is None or latest is None:
            return
        at = past_time(text.strip(), latest.at, ahead=self.recording is not None)
        if at is None:
            self.say(f"{clean(text, 40)!r} is no time: 12:04, 12:04:30 or 5m", "bad")
            return
        if at > latest.at and self.recording is not None:
            self.skip(MOST_TICKS, until=at)
            return
        frame = self.clockwork.go_to(at + SECOND)  # the header tells no parts of a second
        if frame is not None and abs((frame.at - at).total_seconds()) > 60:
            self.say(f"the nearest picture is of {clock(frame.at)}", "warn")
        self.draw()

    def action_live(self) -> None:
        """What is now."""
        self.clockwork.live()
        self.draw()


def past_time(text: str, now: datetime, *, ahead: bool = False) -> datetime | None:
    """The time that a text means: a time of day, the last there was, or a span before now; else None.

    ``ahead``: there may be something after now, as in a recording; then the nearest such time is meant.
    """
    match = CLOCK.fullmatch(text)
    if match is not None:
        hour, minute, second = (int(part or 0) for part in match.groups())
        if hour > 23 or minute > 59 or second > 59:
            return None
        at = now.astimezone(UTC).replace(hour=hour, minute=minute, second=second, microsecond=0)
        if ahead:
            return min((at + timedelta(days=day) for day in (-1, 0, 1)), key=lambda other: abs(other - now))
        return at if at <= now else at - timedelta(days=1)
    try:
        return now - parse_duration(text)
    except ValueError:
        return None
