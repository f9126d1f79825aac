"""Schedules: there are none yet, and this screen says so."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen
from taskq_cli.top.screens.view import Scene, View
from taskq_cli.top.widgets.lines import Line, Lines

TEXT: Final[tuple[Line, ...]] = (
    (("This version of taskq has no recurring schedules.", "strong"),),
    (),
    (("Until then let cron enqueue the job; --unique keeps a late run from doubling it:", ""),),
    (),
    (("  0 3 * * *  taskq enqueue clean-up -q nightly --unique clean-up", "accent"),),
    (),
    (("Jobs for a later time (--in, --at) are scheduled jobs: 2 shows how many, 3 which.", ""),),
)


class Schedules(View):
    """A text."""

    title = "Schedules"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="schedules")

    def compose(self) -> ComposeResult:
        """The text."""
        yield Lines(id="schedule-lines")

    def show(self, scene: Scene) -> None:
        """Always the same."""
        self.query_one(Lines).show(TEXT)

    def command(self) -> str:
        """Scheduled jobs."""
        return "taskq jobs --state scheduled"
