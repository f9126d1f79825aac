"""Ways through the view for tests that press keys: to a screen, to a state of jobs, out of a dialog."""

from __future__ import annotations

from typing import Any, Final, cast

from taskq_cli.top.keymap import DETAILS, SCREENS
from taskq_cli.top.screens.jobs import Jobs
from taskq_cli.top.widgets.rows import Rows
from taskq_core import State
from tests.top.showing import Showing
from tests.waiting import until

NUMBERS: Final = {screen: str(number) for number, (screen, _) in enumerate(SCREENS, 1)}
EVERY_SCREEN: Final = (*NUMBERS, *DETAILS)

WAY: Final = {"job": ("3", "enter"), "worker": ("5", "enter"), "tenants": ("2", "u"), "groups": ("2", "b")}
"""Keys that lead to a screen without a key of its own."""


async def settled(shown: Showing) -> None:
    """Nothing is asked any more, and nothing is to be drawn."""
    await until(lambda: not shown.app.asking)
    await shown.rest()


async def to_screen(shown: Showing, screen: str) -> None:
    """To a screen by its keys, unless it is there; a list of jobs begins with ready ones."""
    view = shown.app.view
    if view.id == screen and (not isinstance(view, Jobs) or view.wanted.state is State.READY):
        return
    for key in WAY.get(screen, (NUMBERS.get(screen, ""),)):
        await shown.press(key)
        await settled(shown)
    assert shown.app.view.id == screen
    if isinstance(shown.app.view, Jobs):
        await of_state(shown, State.READY)


async def of_state(shown: Showing, wanted: State) -> None:
    """The list of jobs shows those in a state."""
    jobs = cast("Jobs", shown.app.view)
    while jobs.wanted.state is not wanted:
        await shown.press("s")
        await settled(shown)


def rows_of(shown: Showing) -> Rows | None:
    """The list, where there are rows to move in."""
    rows = shown.app.view.rows
    return rows if rows is not None and len(rows.shown) > 1 else None


def message(shown: Showing) -> str:
    """The line at the bottom."""
    return shown.frame().splitlines()[-1]


async def leave(shown: Showing, kind: type[Any]) -> None:
    """A dialog of that kind is open; it is closed again, and nothing has happened."""
    await until(lambda: isinstance(shown.app.screen, kind), 10, kind.__name__)
    await shown.press("escape")
    await until(lambda: len(shown.app.screen_stack) == 1 and not shown.app._changing)
    await settled(shown)
