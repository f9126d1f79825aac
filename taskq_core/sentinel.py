"""Connections to the primary that sentinels name: it is asked for anew with each of them.

The sentinels may name a server that is not, or no longer, the primary: so it is asked for its role before
it is used. And a primary that is replaced while it lives is told so only some ten seconds later: what it
acknowledges until then is lost. So the sentinels are asked again, once a second, as long as there are calls.
What fails here is worth another try, but for a service that no sentinel knows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from taskq_core import config
from taskq_core.clock import monotonic
from taskq_core.command import text
from taskq_core.errors import UsageError
from taskq_core.meaning import foreign
from taskq_core.topology import ByNode, Node, topology
from taskq_core.wire import AsyncDial, AsyncWire, Dial, Wire, ask, async_ask, async_dialer, dialer

_QUESTION = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")


class _Search:
    """What the sentinels answered so far, in one search."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._silent: list[str] = []
        self._unknown = 0

    def failed(self, sentinel: Node, error: Exception) -> None:
        self._silent.append(f"{sentinel[0]}:{sentinel[1]}: {str(error) or type(error).__name__}")

    def read(self, reply: Any) -> Node | None:
        if not reply:
            self._unknown += 1
            return None
        return text(reply[0]), int(reply[1])

    def vain(self) -> Exception:
        if self._unknown:
            return UsageError(
                f"the sentinels know no service {self._service!r}",
                hint="The first part of the URL's path is the name that `sentinel monitor` was given",
            )
        return ConnectionError(f"no sentinel answers ({'; '.join(self._silent)})")


def _no_primary(node: Node, role: str) -> ConnectionError:
    return ConnectionError(f"{node[0]}:{node[1]}, which the sentinels named, is {role}, not the primary")


class PrimaryDial:
    """Sync: connects to the present primary. Raises: what connections raise, UsageError.

    ``primary`` is the one that was named last; each connection knows its own by the same name.
    """

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        self._named = named = topology(url)
        self.primary: Node | None = None
        self._sentinels = list(named.seeds)
        self._servers = ByNode[Dial](lambda node: dialer(named.server_url(node), reply_timeout))
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._asked = ByNode[Dial](lambda node: dialer(named.sentinel_url(node), brief))
        self._servers[self._sentinels[0]]  # connects to nothing; refuses what cannot be read

    def __call__(self) -> Any:
        """A connection."""
        self.primary = node = self._named_one()
        try:
            return self._joined(node)
        except foreign():
            self._sentinels = _last(self._sentinels)
            raise

    def _joined(self, node: Node) -> Any:
        connection = self._servers[node]()
        try:
            role = text(ask(connection, "ROLE")[0])
            if role != "master":
                raise _no_primary(node, role)
            connection.primary = node
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def look(self) -> None:
        """Asks who is the primary now. Where nobody says so it stays who it was."""
        with contextlib.suppress(UsageError, *foreign()):
            self.primary = self._named_one()

    def _named_one(self) -> Node:
        search = _Search(self._named.service)
        for sentinel in tuple(self._sentinels):
            try:
                found = search.read(self._ask(sentinel))
            except foreign() as error:
                search.failed(sentinel, error)
                continue
            if found is not None:
                self._sentinels = _first(self._sentinels, sentinel)
                return found
        raise search.vain()

    def _ask(self, sentinel: Node) -> Any:
        connection = self._asked[sentinel]()
        try:
            return ask(connection, *_QUESTION, self._named.service)
        finally:
            connection.disconnect()


class AsyncPrimaryDial:
    """Asyncio: connects to the present primary. Raises: what connections raise, UsageError.

    ``primary`` is the one that was named last; each connection knows its own by the same name.
    """

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        self._named = named = topology(url)
        self.primary: Node | None = None
        self._sentinels = list(named.seeds)
        self._servers = ByNode[AsyncDial](lambda node: async_dialer(named.server_url(node), reply_timeout))
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._asked = ByNode[AsyncDial](lambda node: async_dialer(named.sentinel_url(node), brief))
        self._servers[self._sentinels[0]]  # connects to nothing; refuses what cannot be read

    async def __call__(self) -> Any:
        """A connection."""
        self.primary = node = await self._named_one()
        try:
            return await self._joined(node)
        except foreign():
            self._sentinels = _last(self._sentinels)
            raise

    async def _joined(self, node: Node) -> Any:
        connection = await self._servers[node]()
        try:
            role = text((await async_ask(connection, "ROLE"))[0])
            if role != "master":
                raise _no_primary(node, role)
            connection.primary = node
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def look(self) -> None:
        """Asks who is the primary now. Where nobody says so it stays who it was."""
        with contextlib.suppress(UsageError, *foreign()):
            self.primary = await self._named_one()

    async def _named_one(self) -> Node:
        search = _Search(self._named.service)
        for sentinel in tuple(self._sentinels):
            try:
                found = search.read(await self._ask(sentinel))
            except foreign() as error:
                search.failed(sentinel, error)
                continue
            if found is not None:
                self._sentinels = _first(self._sentinels, sentinel)
                return found
        raise search.vain()

    async def _ask(self, sentinel: Node) -> Any:
        connection = await self._asked[sentinel]()
        try:
            return await async_ask(connection, *_QUESTION, self._named.service)
        finally:
            await connection.disconnect(nowait=True)


class SentinelWire(Wire):
    """A wire to the primary. Connections to one that was replaced are closed instead of used."""

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        self._to_primary = PrimaryDial(url, reply_timeout)
        self._looked = monotonic()
        super().__init__(self._to_primary)

    def _take(self) -> Any:
        if monotonic() - self._looked > config.SENTINEL_LOOK_S:
            self._looked = monotonic()
            self._to_primary.look()
        while (connection := super()._take()).primary != self._to_primary.primary:
            connection.disconnect()
        return connection


class AsyncSentinelWire(AsyncWire):
    """The same for asyncio."""

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        self._to_primary = AsyncPrimaryDial(url, reply_timeout)
        self._looked = monotonic()
        super().__init__(self._to_primary)

    async def _take(self) -> Any:
        if monotonic() - self._looked > config.SENTINEL_LOOK_S:
            self._looked = monotonic()
            await self._to_primary.look()
        while (connection := await super()._take()).primary != self._to_primary.primary:
            await connection.disconnect(nowait=True)
        return connection


def _first(sentinels: Sequence[Node], answered: Node) -> list[Node]:
    """The one that answered is asked first the next time."""
    return [answered, *(other for other in sentinels if other != answered)]


def _last(sentinels: Sequence[Node]) -> list[Node]:
    """What the first one says is out of date, so others are asked the next time."""
    return [*sentinels[1:], sentinels[0]]
