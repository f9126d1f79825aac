"""What every screen is: it shows a scene, names what it shows, and says which command shows the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast

from textual.widget import Widget

from taskq_cli.top.detectors import Finding
from taskq_cli.top.format import Pen
from taskq_cli.top.frame import Frame
from taskq_cli.top.store import Store
from taskq_cli.top.widgets.lines import Lines
from taskq_cli.top.widgets.rows import Rows
from taskq_core import Client

ASK_EVERY_S: Final = 2.0
T = TypeVar("T")


class Stage(Protocol):
    """What a screen needs of the application."""

    read_only: bool

    async def ask(self, question: Callable[[Client], T]) -> T | None:
        """What the server answers; None when it did not, which was said."""
        ...

    def draw(self) -> None:
        """Shows the scene on the screen that is on top."""
        ...

    def say(self, text: str, look: str = "") -> None:
        """A message in the footer."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to be shown. ``live``: it is now, and the server can be asked for more."""

    store: Store
    frame: Frame
    pen: Pen
    findings: tuple[Finding, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a row leads: to a screen, and what is to be seen there, such as a queue's name or a job."""

    screen: str
    about: Any = None


class View(Widget):
    """A screen. ``title`` is the line above it."""

    DEFAULT_CSS = "View { height: 1fr; layout: vertical; }"
    title = ""
    _asking = False
    _asked_at = 0.0

    @property
    def stage(self) -> Stage:
        """The application."""
        return cast("Stage", self.app)

    def inquire(
        self, question: Callable[[Client], T], take: Callable[[T], None], *, every: float = ASK_EVERY_S
    ) -> None:
        """Asks the server in the background, unless it is asked already or was within ``every`` seconds.

        ``take`` gets the answer, when it comes; it may be about what is no longer wanted.
        """
        if self._asking or time.monotonic() - self._asked_at < every:
            return
        self._asking, self._asked_at = True, time.monotonic()

        async def answer() -> None:
            try:
                found = await self.stage.ask(question)
                if found is not None:
                    take(found)
            except Exception as error:  # a defect: it is shown, and the view goes on
                self.stage.say(f"a defect of taskq: {error!r}", "bad")
            finally:
                self._asking = False

        _ = self.run_worker(answer(), exit_on_error=False)

    def ask_soon(self) -> None:
        """The next `inquire` asks, however short ago the last one was."""
        self._asked_at = 0.0

    def show(self, scene: Scene) -> None:
        """Shows a scene; called at each tick while the screen is on top, and when it comes there."""
        raise NotImplementedError

    @property
    def unfit(self) -> frozenset[str]:
        """Names of keys that can do nothing to what is shown now: the footer leaves them out."""
        return frozenset()

    @property
    def rows(self) -> Rows | None:
        """The list that keys move in, if there is one."""
        return next(iter(self.query(Rows)), None)

    @property
    def lines(self) -> Lines | None:
        """The text that keys scroll where there is no list."""
        return None

    def subject(self) -> str:
        """The name or id under the cursor; empty when there is none."""
        return ""

    def on_resize(self) -> None:
        """What is drawn to the width there is, such as charts, is drawn again."""
        _ = self.call_after_refresh(self.stage.draw)

    def attended(self) -> Iterable[str]:
        """Queues that are on screen: of very many these are asked at each tick."""
        return ()

    def goal(self) -> Goal | None:
        """Where enter leads from the row under the cursor."""
        return None

    def aim(self, about: Any) -> None:
        """Another screen leads here to show this; called before the screen is on top."""

    def leave(self) -> None:
        """Another screen comes on top: what goes on in the background ends."""

    def renew(self) -> None:
        """Something was changed: what the server was asked before is no longer true."""
        self.ask_soon()

    def command(self) -> str:
        """The `taskq` command that shows the same."""
        return "taskq stats"

    def dim(self, dimmed: bool) -> None:
        """Draws all in grey, or in colour again."""
        for part in (*self.query(Lines), *self.query(Rows)):
            part.dim(dimmed)

    def text(self) -> str:
        """What is shown, as plain text."""
        return "\n".join(part.text() for part in self.query("Lines, Rows") if isinstance(part, (Lines, Rows)))
