"""Sending words and reading replies, over connections of our own or of redis-py.

redis-py makes and secures the connections to all but plain addresses, and all of asyncio's. Its
`execute_command` takes a lock, three closures and a handful of telemetry hooks per call, which costs as
much as the server takes for a job; here a connection is popped from a list, used, and put back.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from hiredis import pack_command

from taskq_core.address import check_url, is_cluster, names_several
from taskq_core.link import Link, plain_address
from taskq_core.meaning import answered, misplaced

Word = str | bytes | int | float
Call = tuple[Word, ...]
Dial = Callable[[], Any]
"""Makes a connection, connected."""
AsyncDial = Callable[[], Awaitable[Any]]

_pack: Callable[[Any], Any] = pack_command  # of a `Call`, though its stub names a tuple of one


class Sender(Protocol):
    """A `Wire`, to one server or to several."""

    def call(self, *words: Word) -> Any:
        """The reply."""

    def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go, errors among them as they are."""

    def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The same; an error among them is raised when all are read."""

    def close(self) -> None:
        """Closes the idle connections."""


class AsyncSender(Protocol):
    """An `AsyncWire`, to one server or to several."""

    async def call(self, *words: Word) -> Any:
        """The reply."""

    async def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go, errors among them as they are."""

    async def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The same; an error among them is raised when all are read."""

    async def close(self) -> None:
        """Closes the idle connections."""


def open_wire(url: str, reply_timeout: float) -> Sender:
    """A sync wire; it connects when it is first used. Raises: UsageError."""
    if not names_several(check_url(url)):
        return Wire(dialer(url, reply_timeout))
    if is_cluster(url):
        from taskq_core.cluster import ClusterWire  # here and below: most servers are alone

        return ClusterWire(url, reply_timeout)
    from taskq_core.sentinel import SentinelWire

    return SentinelWire(url, reply_timeout)


def open_async_wire(url: str, reply_timeout: float) -> AsyncSender:
    """An asyncio wire; it connects when it is first used. Raises: UsageError."""
    if not names_several(check_url(url)):
        return AsyncWire(async_dialer(url, reply_timeout))
    if is_cluster(url):
        from taskq_core.async_cluster import AsyncClusterWire

        return AsyncClusterWire(url, reply_timeout)
    from taskq_core.sentinel import AsyncSentinelWire

    return AsyncSentinelWire(url, reply_timeout)


def dialer(url: str, reply_timeout: float) -> Dial:
    """Connects to one server. Raises: UsageError."""
    address = plain_address(url)
    if address is not None:
        return lambda: _connected(Link(address, reply_timeout))
    from taskq_core.connect import connect  # here, because it loads redis-py

    pool: Any = connect(url, reply_timeout).connection_pool
    return lambda: _connected(pool.make_connection())


def async_dialer(url: str, reply_timeout: float) -> AsyncDial:
    """Connects to one server. Raises: UsageError."""
    from taskq_core.connect import connect_async

    pool: Any = connect_async(url, reply_timeout).connection_pool

    async def dial() -> Any:
        connection = pool.make_connection()
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    return dial


def _connected(connection: Any) -> Any:
    connection.connect()
    return connection


def ask(connection: Any, *words: Word) -> Any:
    """The reply of one connection. Raises what the connection raises."""
    connection.send_packed_command((_pack(words),), check_health=False)
    return connection.read_response()


async def async_ask(connection: Any, *words: Word) -> Any:
    """The reply of one connection. Raises what redis-py raises."""
    await connection.send_packed_command(_pack(words), check_health=False)
    return await connection.read_response()


class Wire:
    """Sync. Any number of threads may call; each call has a connection to itself."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._idle: list[Any] = []
        self._pid = os.getpid()

    def call(self, *words: Word) -> Any:
        """The reply. Raises what the connection raises; one that failed is closed, with all idle ones."""
        connection = self._take()
        try:
            connection.send_packed_command((_pack(words),), check_health=False)
            reply = connection.read_response()
        except BaseException as error:
            if answered(error) and not misplaced(error):
                self._idle.append(connection)
            else:
                self._drop(connection)
            raise
        self._idle.append(connection)
        return reply

    def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go, errors among them as they are."""
        connection = self._take()
        try:
            connection.send_packed_command((b"".join(map(_pack, calls)),), check_health=False)
            replies = [_sync_reply(connection) for _ in calls]
        except BaseException:
            self._drop(connection)
            raise
        if _elsewhere(replies):
            self._drop(connection)
        else:
            self._idle.append(connection)
        return replies

    def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go. An error among them is raised when all are read."""
        return sound(self.exchange(calls))

    def _take(self) -> Any:
        if self._pid != os.getpid():
            # a forked child must not speak on its parent's connections
            self._idle, self._pid = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._dial()

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self.close()  # the others are most likely as dead, and would each cost a call

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().disconnect()


class AsyncWire:
    """Asyncio, in one event loop. A cancelled call closes its connection: nobody reads its reply."""

    def __init__(self, dial: AsyncDial) -> None:
        self._dial = dial
        self._idle: list[Any] = []
        self._closed = False

    async def call(self, *words: Word) -> Any:
        """The reply. Raises what redis-py raises; a connection that failed is closed, with all idle ones."""
        return sound(await self.exchange([words]))[-1]

    async def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go, errors among them as they are."""
        connection = await self._take()
        try:
            await connection.send_packed_command(b"".join(map(_pack, calls)), check_health=False)
            replies = [await _reply(connection) for _ in calls]
        except BaseException:
            await self._drop(connection)
            raise
        if self._closed or _elsewhere(replies):
            await self._drop(connection)
        else:
            self._idle.append(connection)
        return replies

    async def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands sent in one go. An error among them is raised when all are read."""
        return sound(await self.exchange(calls))

    async def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return await self._dial()

    async def _drop(self, connection: Any) -> None:
        await connection.disconnect(nowait=True)
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)

    async def close(self) -> None:
        """Closes the idle connections. That of a call under way, or of a later one, closes with the call."""
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect()
        import asyncio  # here: the sync side does without

        await asyncio.sleep(0)  # transports of connections that were dropped close in the next turn


def sound(replies: list[Any]) -> list[Any]:
    """The replies, when none of them is an error; otherwise raises the first that is."""
    for reply in replies:
        if isinstance(reply, Exception) and answered(reply):
            raise reply
    return replies


def _elsewhere(replies: Sequence[Any]) -> bool:
    return any(isinstance(reply, Exception) and misplaced(reply) for reply in replies)


def _sync_reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except Exception as error:
        if answered(error):
            return error
        raise


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except Exception as error:
        if answered(error):
            return error
        raise
