"""The view with a source, a clock and a server that tests rule over, and what it shows as plain text."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from textual.pilot import Pilot

from taskq_cli.top.app import TopApp
from taskq_cli.top.options import TopOptions
from taskq_cli.top.source import Tick
from taskq_core import Client, TaskqError, UsageError
from tests.top.answers import ANSWERS
from tests.top.world import ticks as world_ticks
from tests.waiting import until

SIZES: Final = ((80, 24), (120, 40), (160, 50))
FRAMES: Final = Path(__file__).parent / "frames"
RENEW: Final = "TASKQ_TEST_RENEW_FRAMES"
"""Set in the environment: frames are written anew instead of compared."""


class FakeSource:
    """Hands out the ticks it was given; without any it waits for `error`, or says that it has ended."""

    def __init__(self, label: str = "prod:default") -> None:
        self.label = label
        self.waiting: list[Tick] = []
        self.error: TaskqError | None = None
        self.asked = 0
        self.attended: frozenset[str] = frozenset()

    def tick(self) -> Tick | None:
        """The next one."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.waiting.pop(0) if self.waiting else None

    def attend(self, queues: Iterable[str]) -> None:
        """What is on screen."""
        self.attended = frozenset(queues)

    def close(self) -> None:
        """Nothing to give back."""


class FakeClient:
    """A server that answers as `tests.top.answers` says, or as a test does, by the name of the call."""

    def __init__(self, **answers: Any) -> None:
        self.answers = ANSWERS | answers
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    @property
    def schedules(self) -> FakeSchedules:
        """What `Client.schedules` is."""
        return FakeSchedules(self)

    @property
    def tenants(self) -> FakeTenants:
        """What `Client.tenants` is."""
        return FakeTenants(self)

    @property
    def groups(self) -> FakeGroups:
        """What `Client.groups` is."""
        return FakeGroups(self)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((name, args))
            if name not in self.answers:
                raise UsageError(f"{name} is not part of this test")
            answer = self.answers[name]
            return answer(*args, **named) if callable(answer) else answer

        return call


class FakeSchedules:
    """The schedules of such a server, by its answer ``schedules``: a list of them."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client

    def list(self, queues: Iterable[str]) -> list[Any]:
        """Those of the queues."""
        wanted = set(queues)
        return [info for info in self._client.answers["schedules"] if info.ref.queue in wanted]

    def get(self, ref: Any) -> Any:
        """One of them."""
        return next(info for info in self._client.answers["schedules"] if info.ref == ref)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(ref: Any) -> Any:
            self._client.calls.append((verb, (ref,)))
            return True

        return call


class FakeTenants:
    """The tenants of such a server, by its answer ``tenants``: those of a queue."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client

    def busiest(self, queue: str, known: Sequence[str] = ()) -> Any:
        """All of them."""
        self._client.calls.append(("busiest", (queue, tuple(known))))
        return self._client.answers["tenants"](queue)

    def get(self, queue: str, name: str) -> Any:
        """One of them."""
        return next(info for info in self._client.answers["tenants"](queue) if info.name == name)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(*args: Any) -> None:
            self._client.calls.append((f"{verb} tenant", args))

        return call


class FakeGroups:
    """The groups of such a server, by its answer ``groups``: those of a queue."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client

    def list(self, queue: str, *, limit: int) -> Any:
        """All of them."""
        self._client.calls.append(("groups", (queue, limit)))
        return self._client.answers["groups"](queue)


def as_client(fake: FakeClient) -> Client:
    """The same, as what the view expects."""
    return cast("Client", fake)


class Showing:
    """The running view."""

    def __init__(self, app: TopApp, pilot: Pilot[None], source: FakeSource) -> None:
        self.app = app
        self.pilot = pilot
        self.source = source

    async def press(self, *keys: str) -> None:
        """Presses keys, and waits until the view is at rest."""
        await self.pilot.press(*keys)
        await self.rest()

    async def rest(self) -> None:
        """Waits until nothing is to be done any more."""
        await self.pilot.pause()

    async def give(self, *ticks: Tick) -> None:
        """Ticks arrive; only the last one is drawn."""
        *earlier, last = ticks
        for tick in earlier:
            self.app.store.add(tick.frame, tick.past)
        self.app.take(last)
        await self.rest()

    async def until(self, words: str, timeout: float = 10.0) -> None:
        """Waits until these words are on screen."""
        await until(lambda: words in self.frame(), timeout, f"{words!r} in\n{self.frame()}")

    def frame(self) -> str:
        """What is on screen, as plain text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips) + "\n"

    def line(self, words: str) -> str:
        """The first line on screen in which these words are; empty when they are not there."""
        return next((line for line in self.frame().splitlines() if words in line), "")


@asynccontextmanager
async def showing(
    ticks: Iterable[Tick] | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    client: FakeClient | Client | None = None,
    replay: bool = False,
    **options: Any,
) -> AsyncIterator[Showing]:
    """The view after those ticks, or after those of `tests.top.world`. ``replay``: it has no server."""
    source = FakeSource()
    server = None if replay else as_client(client or FakeClient())  # type: ignore[arg-type]  # or a real one
    app = TopApp(source, server, replace(TopOptions(), **options))
    async with app.run_test(size=size) as pilot:
        shown = Showing(app, pilot, source)
        given = list(world_ticks() if ticks is None else ticks)
        if given:
            await shown.give(*given)
        yield shown


def golden(name: str, text: str) -> None:
    """Compares with the stored frame of that name, or stores it where `RENEW` is set."""
    path = FRAMES / f"{name}.txt"
    if os.environ.get(RENEW):
        FRAMES.mkdir(exist_ok=True)
        _ = path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no frame {path.name}: run the test once with {RENEW}=1 and look at it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; {RENEW}=1 writes it anew"
