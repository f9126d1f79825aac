"""A TCP proxy that misbehaves as it is told: one for each client, all in one event loop in a thread.

Modes hold until they are changed. What is random comes from the seed, so a case can be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from taskq_core.scripts import script

T = TypeVar("T")
CHUNK = 65_536
BEAT = script("heartbeat").sha.encode()
"""What tells the connection of a worker's heartbeat from its others."""


@dataclass(slots=True)
class Mode:
    """What happens to bytes. Times in seconds; ``drop_up`` and ``drop_down`` are black holes.

    ``lose``: so many next replies are swallowed, and their connections closed. ``mirror``: all requests of a
    connection that is made now are sent a second time, over another connection, whose answers nobody
    hears. ``cut_after``: connections end after so many bytes of answers. ``hold``: all bytes wait until the
    mode is changed. ``only``: "beats" for connections of heartbeats, "work" for all others; the rest pass.
    """

    latency: float = 0.0
    jitter: float = 0.0
    drop_up: bool = False
    drop_down: bool = False
    lose: int = 0
    cut_after: int | None = None
    hold: bool = False
    mirror: bool = False
    refuse: bool = False
    only: str = ""


PASS = Mode()


@dataclass(eq=False, slots=True)
class Pair:
    """One connection of a client and the one it leads to. ``mute``: half open, so nothing passes any more."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    beats: bool = False
    mute: bool = False

    def abort(self) -> None:
        """Ends both, with a RST."""
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError):
                writer.transport.abort()


class Loop:
    """The event loop of all proxies, in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that runs there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def call(self, function: Callable[[], object]) -> None:
        """Runs a function there, and waits for it."""

        async def run() -> None:
            function()

        self.do(run())

    def close(self) -> None:
        """Ends the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


class Proxy:
    """Stands before a server's port. Its mode may be changed from any thread."""

    def __init__(self, loop: Loop, port: int, seed: int) -> None:
        self._loop = loop
        self._target = port
        self._random = random.Random(seed)
        self._mode = Mode()
        self._changed = asyncio.Event()
        self._pairs: set[Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = 0
        self._listener = loop.do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._listener.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where its clients find the server."""
        return f"redis://127.0.0.1:{self.port}"

    def behave(self, mode: Mode) -> None:
        """From now on in this mode."""

        def change() -> None:
            self._mode = mode
            self._changed.set()
            self._changed = asyncio.Event()

        self._loop.call(change)

    def lead_to(self, port: int) -> None:
        """New connections go to another port; those there are end."""
        self._target = port
        self.reset_connections()

    def reset_connections(self) -> None:
        """Ends all connections at once, with a RST."""

        def reset() -> None:
            for pair in list(self._pairs):
                pair.abort()

        self._loop.call(reset)

    def mute_connections(self) -> None:
        """Leaves all connections half open, as after a cut cable: nothing passes, and nobody is told."""

        def mute() -> None:
            for pair in self._pairs:
                pair.mute = True

        self._loop.call(mute)

    def close(self) -> None:
        """Ends it and its connections."""

        async def end() -> None:
            self._listener.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._loop.do(end())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode.refuse:
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pair = Pair(writer, up_writer)
        self._pairs.add(pair)
        twin = await self._mirror() if self._mode.mirror else None
        try:
            ways = [
                asyncio.create_task(self._pass_on(pair, reader, up_writer, twin)),
                asyncio.create_task(self._pass_on(pair, up_reader, writer)),
            ]
            self._tasks.update(ways)
            _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in rest:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._tasks.difference_update(ways)
        finally:
            self._pairs.discard(pair)
            if twin is not None:
                twin.transport.abort()
            pair.abort()

    async def _mirror(self) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def drain() -> None:
            with contextlib.suppress(OSError):
                while await reader.read(CHUNK):
                    pass

        task = asyncio.create_task(drain())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return writer

    async def _pass_on(
        self,
        pair: Pair,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        twin: asyncio.StreamWriter | None = None,
    ) -> None:
        passed, answers = 0, target is pair.client
        while data := await source.read(CHUNK):
            pair.beats = pair.beats or (not answers and BEAT in data)
            await self._wait(pair)
            mode = self._mode_of(pair)
            if pair.mute or (mode.drop_down if answers else mode.drop_up):
                continue
            if answers and mode.lose > 0:
                mode.lose -= 1
                self.lost += 1
                return
            left = None if mode.cut_after is None or not answers else max(0, mode.cut_after - passed)
            target.write(data[:left])
            if twin is not None:
                twin.write(data)
            await target.drain()
            passed += len(data)
            if left is not None and left < len(data):
                return

    def _mode_of(self, pair: Pair) -> Mode:
        mode = self._mode
        return mode if mode.only in ("", "beats" if pair.beats else "work") else PASS

    async def _wait(self, pair: Pair) -> None:
        mode = self._mode_of(pair)
        if mode.latency or mode.jitter:
            await asyncio.sleep(max(0.0, mode.latency + self._random.uniform(-mode.jitter, mode.jitter)))
        while self._mode_of(pair).hold:
            await self._changed.wait()
