"""The sleep of an idle worker: blocked on the wake lists, on a connection of its own.

A claim can be sent right behind the blocking pop: the server carries it out at the moment it wakes the
connection, so a job reaches an idle worker in one round trip less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from redis.exceptions import NoScriptError

from taskq_core.command import Command, T, text
from taskq_core.connect import FOREIGN, connect_async, translate
from taskq_core.wire import AsyncWire, Word


class Sleeper:
    """Sleeps, once at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wire = AsyncWire(connect_async(url))
        self._asleep: asyncio.Task[Any] | None = None
        self._interrupted = False

    async def sleep(self, wakes: Iterable[str], seconds: float) -> str | None:
        """The list that woke us, or None. Raises: ServerUnreachable."""
        replies = await self._call([_pop(wakes, seconds)])
        return text(replies[0][0]) if replies and replies[0] else None

    async def sleep_then(self, wakes: Iterable[str], seconds: float, command: Command[T]) -> T | None:
        """Sleeps, then the reply of a command; None when it was interrupted, or its script is unknown.

        Raises: ServerUnreachable.
        """
        words = ("EVALSHA", command.script.sha, len(command.keys), *command.keys, *command.args)
        replies = await self._call([_pop(wakes, seconds), words])
        return command.parse(replies[1]) if replies else None

    async def _call(self, calls: list[tuple[Word, ...]]) -> list[Any]:
        # in the claimer's own task: another one would cost a turn of the loop at each wake-up
        self._asleep = task = asyncio.current_task()
        self._interrupted = False
        try:
            return await self._wire.pipeline(calls)
        except asyncio.CancelledError:
            if not self._interrupted or task is None or task.uncancel():
                raise
            return []
        except FOREIGN as error:
            if isinstance(error, NoScriptError):
                return []
            raise translate(error, self._url) from error
        finally:
            self._asleep = None

    def interrupt(self) -> None:
        """Ends the present sleep. What its claim may have brought is found by looking at what is pending."""
        if self._asleep is not None:
            self._interrupted = True
            self._asleep.cancel()

    async def close(self) -> None:
        """Closes the connection."""
        await self._wire.close()


def _pop(wakes: Iterable[str], seconds: float) -> tuple[Word, ...]:
    # a pop of 0 s would block for ever
    return ("BLPOP", *wakes, f"{max(seconds, 0.001):.3f}")
