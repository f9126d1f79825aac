"""What each key of the registry does, so that pressing it can be checked: one entry a key, by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, cast

from textual.command import CommandPalette

from taskq_cli.top.keymap import KEYMAP, Key
from taskq_cli.top.screens.failures import Failures
from taskq_cli.top.screens.jobs import Jobs
from taskq_cli.top.widgets.confirm import Confirm
from taskq_cli.top.widgets.dialog import Prompt, Sheet
from taskq_cli.top.widgets.rows import Rows
from taskq_core import State
from tests.top.showing import Showing
from tests.top.ways import NUMBERS, leave, message, of_state, rows_of, settled
from tests.waiting import until

Effect = Callable[[Showing, str, str], Awaitable[None]]
"""Presses the key (third) on a screen (second), checks what it does, and takes it back."""


# -- screens and rows ------------------------------------------------------------------------------


async def go(shown: Showing, screen: str, key: str) -> None:
    """Shows the screen of the number."""
    await shown.press(key)
    assert NUMBERS[shown.app.view.id or ""] == key


async def help_(shown: Showing, screen: str, key: str) -> None:
    """Opens the keys of this screen."""
    await shown.press(key)
    assert f"On this screen: {screen}" in shown.frame()
    await leave(shown, Sheet)


async def moves(shown: Showing, screen: str, key: str, *, down: bool) -> None:
    """Moves the cursor, or the text where there is more than the window."""
    rows = rows_of(shown)
    if rows is None:
        lines = shown.app.view.lines
        if lines is not None:
            lines.scroll_to(y=0 if down else lines.max_scroll_y, animate=False)
            await shown.rest()
        at = lines.scroll_y if lines is not None else 0
        await shown.press(key)
        if lines is not None and lines.max_scroll_y:
            assert lines.scroll_y > at if down else lines.scroll_y < at
        return
    rows.edge(-1 if down else 1)
    await shown.rest()
    before = rows.current
    await shown.press(key)
    assert rows.shown.index(rows.current) != rows.shown.index(before)
    assert (rows.shown.index(rows.current) > rows.shown.index(before)) is down


async def open_(shown: Showing, screen: str, key: str) -> None:
    """Leads where the row says."""
    goal = shown.app.view.goal()
    assert goal is not None, screen
    await shown.press(key)
    assert shown.app.view.id == goal.screen


async def other_list(shown: Showing, screen: str, key: str) -> None:
    """The cursor goes to the other list, and back."""
    before = shown.app.view.rows
    await shown.press(key)
    assert shown.app.view.rows is not before
    await shown.press(key)
    assert shown.app.view.rows is before


async def back(shown: Showing, screen: str, key: str) -> None:
    """Leads back to the screen before."""
    before = "queues" if screen == "charts" else "charts"
    await shown.press(NUMBERS[before])
    shown.app.go(screen)
    shown.app._trail.append(before)
    await shown.rest()
    await shown.press(key)
    assert shown.app.view.id == before


async def filter_(shown: Showing, screen: str, key: str) -> None:
    """Only rows that match are left."""
    rows = shown.app.view.rows
    assert rows is not None
    await shown.press(key)
    assert isinstance(shown.app.screen, Prompt)
    await shown.press(*"zzz", "enter")
    await until(lambda: rows.filter == "zzz")
    assert not rows.shown
    rows.filter = ""
    rows.rearrange()


async def clear(shown: Showing, screen: str, key: str) -> None:
    """All rows are there again."""
    rows = shown.app.view.rows
    assert rows is not None
    rows.filter = "zzz"
    rows.rearrange()
    assert not rows.shown
    await shown.press(key)
    await settled(shown)
    assert rows.shown
    assert not rows.filter


async def sort(shown: Showing, screen: str, key: str) -> None:
    """Another column is what rows are ordered by."""
    rows = shown.app.view.rows
    assert rows is not None
    before = list(rows.order.keys)
    await shown.press(key)
    assert rows.order.keys[:1] != before[:1]
    assert "sorted by" in message(shown)


async def invert(shown: Showing, screen: str, key: str) -> None:
    """The order is turned round, and back."""
    rows = shown.app.view.rows
    assert rows is not None
    if not rows.order.keys:
        await shown.press("o")
    before = tuple(rows.order.keys)
    await shown.press(key)
    assert [(name, not descending) for name, descending in rows.order.keys] == list(before)


async def mark(shown: Showing, screen: str, key: str) -> None:
    """The row is marked."""
    rows = shown.app.view.rows
    assert rows is not None
    await shown.press("g", key)
    assert rows.chosen == [rows.shown[0]]
    assert len(rows.marked) == 1
    rows.marked.clear()


async def mark_all(shown: Showing, screen: str, key: str) -> None:
    """All rows are marked, and then none."""
    rows = shown.app.view.rows
    assert rows is not None
    await shown.press(key)
    assert len(rows.marked) == len(rows.shown)
    await shown.press(key)
    assert not rows.marked


async def state(shown: Showing, screen: str, key: str) -> None:
    """Jobs of another state are listed."""
    jobs = cast("Jobs", shown.app.view)
    before = jobs.wanted.state
    await shown.press(key)
    await settled(shown)
    assert jobs.wanted.state is not before


async def next_page(shown: Showing, screen: str, key: str) -> None:
    """The next page is listed."""
    assert "page 1" in shown.frame()
    await shown.press(key)
    await settled(shown)
    assert "page 2" in shown.frame()


async def raw(shown: Showing, screen: str, key: str) -> None:
    """The job is JSON, and readable again."""
    await shown.press(key)
    assert '"schema": "taskq.job/1"' in shown.frame()
    await shown.press(key)
    assert "Payload" in shown.frame()


async def metric(shown: Showing, screen: str, key: str) -> None:
    """Other charts are drawn."""
    assert "all figures" in shown.frame()
    await shown.press(key)
    assert "throughput" in shown.frame()


async def why(shown: Showing, screen: str, key: str) -> None:
    """Says why; what it finds is a test of its own."""
    subject = shown.app.view.subject()
    await shown.press(key)
    await settled(shown)
    assert f"taskq why {subject}" in shown.frame()
    await leave(shown, Sheet)


async def of_queue(shown: Showing, screen: str, key: str, *, to: str) -> None:
    """Leads to what the queue has."""
    await shown.press(key)
    assert shown.app.view.id == to
    await until(lambda: rows_of(shown))


# -- time ------------------------------------------------------------------------------------------


async def freeze(shown: Showing, screen: str, key: str) -> None:
    """The picture is held, and goes on."""
    await shown.press(key)
    assert "frozen" in shown.frame()
    await shown.press(key)
    assert "frozen" not in shown.frame()


async def travels(shown: Showing, screen: str, key: str, *, ticks: int) -> None:
    """So many ticks back or on."""
    frames, clock = shown.app.store.frames, shown.app.clockwork
    start = 0 if ticks > 0 else len(frames) - 1
    clock.held = frames[start]
    await shown.press(key)
    assert clock.shown is frames[start + ticks]
    assert "frozen" in shown.frame()
    clock.live()


async def go_to(shown: Showing, screen: str, key: str) -> None:
    """Shows the time that is typed."""
    await shown.press(key)
    assert isinstance(shown.app.screen, Prompt)
    await shown.press(*"12:05:00", "enter")
    await shown.until("12:05:00Z")
    shown.app.clockwork.live()


async def live(shown: Showing, screen: str, key: str) -> None:
    """What is now."""
    await shown.press("left_square_bracket")
    assert "frozen" in shown.frame()
    await shown.press(key)
    assert "frozen" not in shown.frame()


# -- what leaves the view --------------------------------------------------------------------------


async def copy(shown: Showing, screen: str, key: str) -> None:
    """What the cursor is on is in the clipboard."""
    subject = shown.app.view.subject()
    await shown.press(key)
    assert subject
    assert shown.app.clipboard == subject


async def copy_command(shown: Showing, screen: str, key: str) -> None:
    """The command is in the clipboard."""
    await shown.press(key)
    assert shown.app.clipboard == shown.app.view.command()
    assert shown.app.clipboard.startswith("taskq ")


async def write(shown: Showing, screen: str, key: str) -> None:
    """A file has what is shown."""
    await shown.press(key)
    assert isinstance(shown.app.screen, Prompt)
    await shown.press("enter")
    await until(lambda: _written(screen))
    assert "taskq prod:default" in _written(screen)


def _written(screen: str) -> str:
    return "".join(file.read_text() for file in Path().glob(f"taskq-{screen}-*.txt"))


async def maximise(shown: Showing, screen: str, key: str) -> None:
    """The list has the whole screen, or had it, and gives it back."""
    before = [part for part in shown.app.view.children if part.display]
    await shown.press(key)
    after = [part for part in shown.app.view.children if part.display]
    assert len(after) == 1
    assert len(before) > 1 or "has the whole screen already" in message(shown)
    await shown.press(key)
    assert [part for part in shown.app.view.children if part.display] == before


async def palette(shown: Showing, screen: str, key: str) -> None:
    """Commands by their names."""
    await shown.press(key)
    await leave(shown, CommandPalette)


# -- changes: asked for, with what they are called -------------------------------------------------


async def asks(
    shown: Showing, screen: str, key: str, *, title: tuple[str, ...] | str, states: State | None = None
) -> None:
    """The question is asked. ``states``: of which jobs it can be."""
    if isinstance(shown.app.view, Jobs) and states is not None:
        await of_state(shown, states)
    if isinstance(shown.app.view, Failures):
        await until(lambda: shown.app.view.query_one(Rows).shown)
    await shown.press(key)
    await until(lambda: isinstance(shown.app.screen, Confirm), 10, f"a question on {shown.frame()}")
    assert cast("Confirm", shown.app.screen).plan.title.startswith(title)
    await leave(shown, Confirm)
    assert "nothing was changed" in message(shown)


async def purge(shown: Showing, screen: str, key: str) -> None:
    """Asks which jobs, and then whether."""
    await shown.press(key)
    assert "Purge which jobs" in shown.frame()
    await shown.press("enter")
    await leave(shown, Confirm)


async def enqueue(shown: Showing, screen: str, key: str) -> None:
    """Asks for the job, and then whether."""
    await shown.press(key)
    assert "Enqueue into" in shown.frame()
    await shown.press(*"send", "enter")
    await leave(shown, Confirm)


# -- the terminal ----------------------------------------------------------------------------------


async def calls(shown: Showing, screen: str, key: str, *, method: str) -> None:
    """The method of Textual's that does it is called: what it does needs a real terminal (test_terminal)."""
    called: list[str] = []
    setattr(shown.app, method, lambda *_, **__: called.append(method))
    await shown.press(key)
    delattr(shown.app, method)
    assert called == [method]


EFFECTS: Final[dict[str, Effect]] = {
    **dict.fromkeys(NUMBERS, go),
    "help": help_,
    "down": partial(moves, down=True), "up": partial(moves, down=False),
    "page-down": partial(moves, down=True), "page-up": partial(moves, down=False),
    "first": partial(moves, down=False), "last": partial(moves, down=True),
    "open": open_, "other-list": other_list, "back": back, "filter": filter_, "clear": clear,
    "sort": sort, "invert": invert, "mark": mark, "mark-all": mark_all, "state": state,
    "next-page": next_page, "raw": raw, "metric": metric, "why": why,
    "tenants": partial(of_queue, to="tenants"), "groups": partial(of_queue, to="groups"), "freeze": freeze,
    "earlier": partial(travels, ticks=-1), "later": partial(travels, ticks=1),
    "much-earlier": partial(travels, ticks=-60), "much-later": partial(travels, ticks=60),
    "go-to": go_to, "live": live, "copy": copy, "copy-command": copy_command, "write": write,
    "maximise": maximise, "palette": palette,
    "retry": partial(asks, title="Retry", states=State.DEAD),
    "cancel": partial(asks, title="Cancel", states=State.READY),
    "bury": partial(asks, title="Bury", states=State.SCHEDULED),
    "delete": partial(asks, title="Delete", states=State.DEAD),
    "pause": partial(asks, title=("Pause", "Resume")), "trigger": partial(asks, title="Trigger"),
    "purge": purge, "enqueue": enqueue, "edit": partial(asks, title="Enqueue 1 job"),
    "stop": partial(asks, title="Stop worker"),
    "redraw": partial(calls, method="action_redraw"),
    "suspend": partial(calls, method="action_suspend_process"),
    "quit": partial(calls, method="exit"),
}  # fmt: skip
"""By the name of the key."""


COMMON: Final = "queues"
"""The screen on which keys are pressed that stand in no footer, and second names of keys."""


def presses(screen: str) -> list[tuple[Key, str]]:
    """What is to be pressed on a screen; what leads away from it comes last."""
    away = {*NUMBERS, "open", "back", "tenants", "groups"}
    here = [
        key
        for key in KEYMAP
        if screen in key.screens or (not key.screens and (key.label or screen == COMMON))
    ]
    ordered = sorted(here, key=lambda key: key.name in away)
    return [(key, one) for key in ordered for one in key.keys.split(",")[: None if screen == COMMON else 1]]
