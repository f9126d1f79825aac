"""The stage: takes ticks from a source, keeps them, and shows one screen at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from rich.console import RenderableType
from textual import events
from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from taskq_cli.exit_codes import ExitCode
from taskq_cli.sanitize import clean
from taskq_cli.top.actions import Plan
from taskq_cli.top.clockwork import Clockwork
from taskq_cli.top.detectors import Finding, findings
from taskq_cli.top.format import Pen
from taskq_cli.top.frame import Frame
from taskq_cli.top.keymap import keys_of
from taskq_cli.top.narrow import narrowed
from taskq_cli.top.options import TopOptions
from taskq_cli.top.pauses import COLLECT_S, collect
from taskq_cli.top.plain import AsciiOnly
from taskq_cli.top.screens.catalogue import views
from taskq_cli.top.screens.view import Scene, View
from taskq_cli.top.source import Source, Tick
from taskq_cli.top.store import Store
from taskq_cli.top.themes import THEMES
from taskq_cli.top.widgets.confirm import Confirm
from taskq_cli.top.widgets.footer import Footer
from taskq_cli.top.widgets.header import Condition, Header
from taskq_cli.top.widgets.too_small import TooSmall, too_small
from taskq_core import Client, TaskqError

MESSAGE_S: Final = 6.0
TERMINATED: Final = int(ExitCode.TERMINATED)
RETRY_S: Final = 10.0
"""The longest pause between two attempts to reach a server that is away."""
T = TypeVar("T")


class Stage(App[None]):
    """What screens stand on. ``client`` None: nothing can be asked or changed, as in a replay."""

    CSS = """
        Screen { layout: vertical; }
        ContentSwitcher { height: 1fr; }
        TooSmall { display: none; }
        .-small { Header, ContentSwitcher, Footer { display: none; } TooSmall { display: block; } }
        .-ascii { Vertical { border: ascii $accent; } SearchIcon { display: none; } }
    """
    TITLE = "taskq top"

    def __init__(self, source: Source, client: Client | None, options: TopOptions) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.source = source
        self.client = client
        self.top_options = options
        self.read_only = options.read_only or client is None
        self.pen = Pen(ascii_only=options.ascii_only)
        self.store = Store()
        self.clockwork = Clockwork(self.store, options.interval, replay=client is None)
        self.asking = 0
        """Questions to the server that are not answered yet."""
        self._retry_at: float | None = None
        self._pause = 1.0
        self._ticking = asyncio.Lock()
        self._unfit: frozenset[str] = frozenset()
        self._said = 0
        self._found: tuple[Frame, tuple[Finding, ...]] | None = None
        self.set_class(options.ascii_only, "-ascii")

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line passes on its way to the terminal."""
        filters = super().get_line_filters()
        return [*filters, AsciiOnly()] if self.pen.ascii_only else filters

    def on_resize(self, event: events.Resize) -> None:
        """In a window that is too small nothing is shown but that."""
        self.set_class(too_small(event.size.width, event.size.height), "-small")

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, narrowed(renderable))

    def compose(self) -> ComposeResult:
        """Header, the screens of which one is seen, footer."""
        yield TooSmall()
        yield Header(self.pen)
        with ContentSwitcher(initial=self.top_options.screen):
            yield from views(self.pen)
        yield Footer()

    def on_mount(self) -> None:
        """Begins to ask."""
        if self.top_options.theme:
            self.theme = self.top_options.theme
        if self.top_options.keys:
            self.set_keymap(self.top_options.keys)
        if not self.is_headless:
            # by default it would end in the middle of anything, and leave the terminal as it is
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGTERM, partial(self.exit, None, TERMINATED)
            )
        self.go(self.top_options.screen)
        self.set_interval(COLLECT_S, collect)
        # the terminal forgot the picture meanwhile, and Textual sends only what changes
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        self._tell_condition()
        self.set_interval(1.0, self._each_second)
        self.run_worker(self._poll(), name="poll", exit_on_error=False)

    def action_redraw(self) -> None:
        """Draws every cell again: other programs may have written over it."""
        _ = self.screen.refresh(layout=True)

    # -- ticks ----------------------------------------------------------------------------------

    async def _poll(self) -> None:
        while True:
            began = time.monotonic()
            try:
                tick = await self.next_tick()
                if tick is None:
                    self.ended()
                    return
                self.take(tick)
            except Exception as error:  # a defect is shown: it may not leave a view that only looks alive
                await self._lost(error)
                continue
            await self.rest(began)

    async def next_tick(self) -> Tick | None:
        """What the source brings next; None at its end. Raises: TaskqError."""
        async with self._ticking:
            return await asyncio.to_thread(self.source.tick)

    async def rest(self, began: float) -> None:
        """Until the next tick is due; ``began``: when this one was asked for, on the monotonic clock."""
        await asyncio.sleep(max(0.05, self.top_options.interval - (time.monotonic() - began)))

    def ended(self) -> None:
        """The source has no more ticks."""

    async def _lost(self, error: Exception) -> None:
        self.clockwork.lost = clean(told(error))
        self._retry_at = time.monotonic() + self._pause
        self.view.dim(True)
        self.say(self.clockwork.lost, "bad")
        self._tell_condition()
        await asyncio.sleep(self._pause)
        self._pause = min(RETRY_S, self._pause * 1.5)

    def take(self, tick: Tick) -> None:
        """A tick arrived."""
        if self.clockwork.lost:
            self.say("")
        self.clockwork.lost, self.clockwork.arrived = "", time.monotonic()
        self._retry_at, self._pause = None, 1.0
        self.store.add(tick.frame, tick.past)
        self.view.dim(False)
        if self.clockwork.held is None:
            self.draw()
        else:
            self._tell_condition()

    def draw(self) -> None:
        """Shows what the clockwork says on the screen that is on top."""
        frame = self.clockwork.shown
        if frame is None:
            return
        live = self.client is not None and self.clockwork.held is None and not self.clockwork.lost
        if self._found is None or self._found[0] is not frame:
            # a key draws the same frame again, and of a thousand queues this takes a while
            self._found = frame, tuple(findings(self.store, frame))
        self.scene = Scene(self.store, frame, self.pen, self._found[1], live)
        self.view.show(self.scene)
        self.source.attend(self.view.attended())
        if self._not_now() != self._unfit:
            self.hints()
        self._tell_condition()

    def _each_second(self) -> None:
        if not self.is_headless and not os.isatty(0):
            # the terminal is gone, without a hang-up: nobody looks, and Textual would read it for ever
            self.exit()
        self._tell_condition()

    def _tell_condition(self) -> None:
        now = time.monotonic()
        condition = Condition(
            state=self.clockwork.state(now),
            age=self.clockwork.age(now),
            interval=self.top_options.interval,
            read_only=self.read_only,
            label=self.source.label,
            retry_in=None if self._retry_at is None else max(0.0, self._retry_at - now),
        )
        for header in self.query(Header):  # none any more while the view is left
            header.tell(self.store, self.clockwork.shown, condition)

    # -- what screens ask for -------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The screen on top."""
        current = self.query_one(ContentSwitcher).visible_content
        assert isinstance(current, View)  # noqa: S101 - nothing else is in there
        return current

    def say(self, text: str, look: str = "") -> None:
        """A message in the footer, for some seconds; an empty one takes it away."""
        self._said += 1
        number = self._said

        def forget() -> None:
            if number == self._said:  # else there is a newer one, which has a time of its own
                self.say("")

        for footer in self.query(Footer):
            footer.tell(text, look)
            if text and look != "bad":
                self.set_timer(MESSAGE_S, forget)

    async def ask(self, question: Callable[[Client], T]) -> T | None:
        """What the server answers, asked in a thread; None when it did not, which is said."""
        if self.client is None:
            self.say("a recording cannot be asked for more", "warn")
            return None
        self.asking += 1
        try:
            return await asyncio.to_thread(question, self.client)
        except TaskqError as error:
            self.say(f"{error}. {error.hint}" if error.hint else str(error), "bad")
            return None
        finally:
            self.asking -= 1

    async def change(self, plan: Callable[[Client], Plan]) -> None:
        """Plans a change, shows it, plans it again when it is agreed to, and makes it if both agree."""
        if self.read_only:
            self.say("this view is read-only", "warn")
            return
        planned, notice = await self.ask(plan), ""
        while planned is not None:
            if not await self.push_screen_wait(Confirm(self._guarded(planned), notice)):
                self.say("nothing was changed")
                return
            again = await self.ask(plan)
            if again is not None and again.same_as(planned):
                await self._make(planned)
                return
            # without a second plan nothing is changed: why there is none was said
            planned, notice = again, "The list has changed meanwhile; look again."

    async def _make(self, plan: Plan) -> None:
        self.say(f"{plan.title} …")
        told = await self.ask(plan.run)
        self.view.renew()
        await self.refresh_view()
        if told is not None:
            self.say(told, "good")

    def _guarded(self, plan: Plan) -> Plan:
        """In a protected profile its name has to be typed for everything."""
        if self.top_options.protected is None:
            return plan
        return replace(plan, typed=self.top_options.protected)

    async def refresh_view(self) -> None:
        """Looks again at once, without waiting for the next tick."""
        try:
            tick = await self.next_tick()
        except TaskqError:
            return  # the next tick will say so
        if tick is not None:
            self.take(tick)

    def go(self, screen: str) -> None:
        """Puts a screen on top."""
        self.view.leave()
        self.query_one(ContentSwitcher).current = screen
        self.view.dim(bool(self.clockwork.lost))
        rows = self.view.rows
        if rows is not None:
            rows.focus()
        self.hints()
        self.draw()

    def hints(self) -> None:
        """The keys of the screen on top, in the footer."""
        self._unfit = self._not_now()
        keys = keys_of(self.view.id or "", read_only=self.read_only)
        self.query_one(Footer).hint(tuple(key for key in keys if key.name not in self._unfit))

    def _not_now(self) -> frozenset[str]:
        """Names of keys that can do nothing to what is shown now."""
        frame = self.clockwork.shown
        return self.view.unfit | (frame.absent if frame is not None else frozenset())


def told(error: Exception) -> str:
    """What is said of an error: that of a defect by its name too."""
    return str(error) if isinstance(error, TaskqError) else f"a defect of taskq: {error!r}"
