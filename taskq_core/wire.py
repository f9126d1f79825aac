"""Sending words and reading replies over connections of redis-py, without its per-command machinery.

redis-py makes, secures and authenticates the connections and parses replies. Its `execute_command`
takes a lock, three closures and a handful of telemetry hooks per call, which costs as much as the
server takes for a job; here a connection is popped from a list, used, and put back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio
from hiredis import pack_command
from redis.exceptions import ResponseError

Word = str | bytes | int | float


def _pack(words: tuple[Word, ...]) -> Any:
    return pack_command(words)  # type: ignore[arg-type]  # its stub names a tuple of one


class Wire:
    """Sync. Any number of threads may call; each call has a connection to itself."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._idle: list[Any] = []
        self._pid = os.getpid()

    def call(self, *words: Word) -> Any:
        """The reply. Raises what redis-py raises; a connection that failed is closed, with all idle ones."""
        connection = self._take()
        try:
            connection.send_packed_command((_pack(words),), check_health=False)
            reply = connection.read_response()
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            self.close()  # the others are most likely as dead, and would each cost a call
            raise
        self._idle.append(connection)
        return reply

    def _take(self) -> Any:
        if self._pid != os.getpid():
            # a forked child must not speak on its parent's connections
            self._idle, self._pid = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._pool.make_connection()
            connection.connect()
            return connection

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().disconnect()


class AsyncWire:
    """Asyncio, in one event loop. A cancelled call closes its connection: nobody reads its reply."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._idle: list[Any] = []

    async def call(self, *words: Word) -> Any:
        """The reply. Raises what redis-py raises; a connection that failed is closed, with all idle ones."""
        return (await self.pipeline([words]))[-1]

    async def pipeline(self, calls: Sequence[tuple[Word, ...]]) -> list[Any]:
        """The replies to commands sent in one go. An error among them is raised when all are read."""
        connection = await self._take()
        try:
            await connection.send_packed_command(b"".join(map(_pack, calls)), check_health=False)
            replies = [await _reply(connection) for _ in calls]
        except BaseException:
            await connection.disconnect(nowait=True)
            while self._idle:
                await self._idle.pop().disconnect(nowait=True)
            raise
        self._idle.append(connection)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    async def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._pool.make_connection()
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            await self._idle.pop().disconnect()
        await asyncio.sleep(0)  # transports of connections that were dropped close in the next turn


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
