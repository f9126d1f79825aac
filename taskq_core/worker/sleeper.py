"""The sleep of an idle worker: blocked on the wake lists, on a connection of its own.

A claim can be sent right behind the blocking pop: the server carries it out at the moment it wakes the
connection, so a job reaches an idle worker in one round trip less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from taskq_core import config
from taskq_core.address import is_cluster
from taskq_core.command import Command, T, text
from taskq_core.meaning import foreign, translate, unknown_script
from taskq_core.metrics.meter import SLEEP, Meter
from taskq_core.wire import Call, open_async_wire
from taskq_core.worker.metered import kind_of

_LATE_S = 0.25
"""How much later than asked for a node may say that nothing came."""
_AGAIN_S = 0.05


class Sleeper:
    """Sleeps, once at a time."""

    def __init__(self, url: str, meter: Meter | None = None) -> None:
        self._url = url
        self._meter = meter
        self._spread = is_cluster(url)
        self._wire = open_async_wire(url, config.REPLY_TIMEOUT_S)
        self._asleep: asyncio.Task[Any] | None = None
        self._interrupts = 0

    async def sleep(self, wakes: Sequence[str], seconds: float) -> str | None:
        """The list that woke us, or None. Raises: ServerUnreachable."""
        if self._spread:
            replies = await self._call(self._first(wakes, seconds))
        else:
            replies = await self._call(self._wire.pipeline([_pop(wakes, seconds)]))
        return text(replies[0][0]) if replies and replies[0] else None

    async def sleep_then(self, wakes: Sequence[str], seconds: float, command: Command[T]) -> T | None:
        """Sleeps, then the reply of a command; None when it was interrupted, or its script is unknown.

        Raises: ServerUnreachable.
        """
        words = ("EVALSHA", command.script.sha, len(command.keys), *command.keys, *command.args)
        replies = await self._call(self._wire.pipeline([_pop(wakes, seconds), words]))
        return command.parse(replies[1]) if replies else None

    async def _first(self, wakes: Sequence[str], seconds: float) -> list[Any]:
        """The reply of the first that wakes us. A node that is away wakes nobody, and holds up none."""
        asleep = [asyncio.ensure_future(self._wire.pipeline([_pop([wake], seconds)])) for wake in wakes]
        failures: list[BaseException] = []
        try:
            # one that is late does not answer at all: its TimeoutError is one of those below
            for next_one in asyncio.as_completed(asleep, timeout=seconds + _LATE_S):
                try:
                    replies = await next_one
                except foreign() as error:
                    failures.append(error)
                    continue
                if replies[0]:
                    return replies
        finally:
            await _end(asleep)
        if len(failures) == len(asleep):
            raise failures[0]
        return []

    async def _call(self, asleep: Awaitable[list[Any]]) -> list[Any]:
        # in the claimer's own task: another one would cost a turn of the loop at each wake-up
        self._asleep = task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        self._interrupts = 0
        try:
            return await asleep
        except asyncio.CancelledError:
            if not self._interrupts or task is None or task.cancelling() - before > self._interrupts:
                raise  # somebody else cancels the whole task
            return []
        except foreign() as error:
            if unknown_script(error):
                return []
            said = translate(error, self._url)
            if self._meter is not None:
                self._meter.refused(SLEEP, kind_of(said))
            raise said from error
        finally:
            self._asleep = None
            # each of our interruptions ends with the sleep, also one that a connection being made swallowed:
            # what it left behind would make the next one end the task
            for _ in range(self._interrupts):
                if task is not None and task.cancelling() > before:
                    task.uncancel()

    def interrupt(self) -> None:
        """Ends the present sleep. What its claim may have brought is found by looking at what is pending."""
        if self._asleep is not None:
            self._interrupts += 1
            self._asleep.cancel()

    async def close(self) -> None:
        """Closes the connection."""
        await self._wire.close()


async def _end(asleep: Sequence[asyncio.Future[list[Any]]]) -> None:
    """Closes their connections: a sleep that is over takes no more tokens."""
    for one in asleep:
        one.add_done_callback(_heard)
    left = {one for one in asleep if not one.done()}
    while left:
        # `asyncio.wait_for` of Python 3.11, which redis-py sends by, forgets a cancellation that comes in the
        # turn in which all is sent; the task then waits for its reply, and a node that is away sends none
        for one in left:
            one.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)


def _heard(ended: asyncio.Future[list[Any]]) -> None:
    """Takes note of a failure that nobody waits for any more."""
    if not ended.cancelled():
        ended.exception()


def _pop(wakes: Sequence[str], seconds: float) -> Call:
    # a pop of 0 s would block for ever
    return ("BLPOP", *wakes, f"{max(seconds, 0.001):.3f}")
