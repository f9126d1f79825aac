"""Connections to the primary that sentinels name: it is asked for anew with each of them.

The sentinels may name a server that is not, or no longer, the primary: so it is asked for its role before
it is used. And a primary that is replaced while it lives is told so only some ten seconds later: what it
acknowledges until then is lost. So the sentinels are asked again, once a second, as long as there are calls.
All of them: after a failover some learn of it seconds later, and a dead primary that comes back meanwhile
takes itself for one. Whose configuration is the youngest is right. A silent one is left out for a while.
What fails here is worth another try, but for a service that no sentinel knows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from taskq_core import config
from taskq_core.clock import monotonic
from taskq_core.command import pairs, text
from taskq_core.errors import UsageError
from taskq_core.meaning import answered, foreign
from taskq_core.topology import ByNode, Node, topology
from taskq_core.wire import AsyncDial, AsyncWire, Dial, Wire, ask, async_ask, async_dialer, dialer

_ABOUT = ("SENTINEL", "MASTER")
"""For the configuration's age alone: while replicas are told of a new primary it names the one before."""
_WHO = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")
_LEFT_OUT_S = 10.0


class _Search:
    """What the sentinels answered so far, in one search. ``silent``: when those that failed last did."""

    def __init__(self, service: str, silent: dict[Node, float]) -> None:
        self._service = service
        self._since = silent
        self._silent: list[str] = []
        self._unknown = 0
        self._youngest: tuple[int, Node] | None = None

    def order(self, sentinels: Sequence[Node]) -> list[Node]:
        """Whom to ask, those that failed a moment ago last."""
        return sorted(sentinels, key=self._is_left_out)

    def goes_on(self, sentinel: Node) -> bool:
        """Whether it is to be asked: a silent one only where no other has answered."""
        return self._youngest is None or not self._is_left_out(sentinel)

    def _is_left_out(self, sentinel: Node) -> bool:
        return monotonic() - self._since.get(sentinel, -_LEFT_OUT_S) < _LEFT_OUT_S

    def failed(self, sentinel: Node, error: Exception) -> None:
        self._since[sentinel] = monotonic()
        self._silent.append(f"{sentinel[0]}:{sentinel[1]}: {str(error) or type(error).__name__}")

    def read(self, about: Any, address: Any) -> None:
        """Takes note of the answers of one; ``about`` is None of one that refuses to tell."""
        if not address:
            self._unknown += 1
            return
        flat = [word for row in about.items() for word in row] if isinstance(about, dict) else about or ()
        found = int(pairs(flat).get("config-epoch", -1)), (text(address[0]), int(address[1]))
        if self._youngest is None or found[0] > self._youngest[0]:
            self._youngest = found

    def end(self) -> Node:
        """Who is the primary. Raises: UsageError, ConnectionError."""
        if self._youngest is None:
            raise self._vain()
        return self._youngest[1]

    def _vain(self) -> Exception:
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
        self._silent: dict[Node, float] = {}
        self._servers = ByNode[Dial](lambda node: dialer(named.server_url(node), reply_timeout))
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._asked = ByNode[Dial](lambda node: dialer(named.sentinel_url(node), brief))
        self._servers[self._sentinels[0]]  # connects to nothing; refuses what cannot be read

    def __call__(self) -> Any:
        """A connection."""
        self.primary = node = self._named_one()
        return self._joined(node)

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
        search = _Search(self._named.service, self._silent)
        for sentinel in filter(search.goes_on, search.order(self._sentinels)):
            try:
                self._ask(sentinel, search)
            except foreign() as error:
                search.failed(sentinel, error)
        return search.end()

    def _ask(self, sentinel: Node, search: _Search) -> None:
        connection = self._asked[sentinel]()
        try:
            about = None
            try:
                about = ask(connection, *_ABOUT, self._named.service)
            except foreign() as error:
                if not answered(error):
                    raise
            search.read(about, ask(connection, *_WHO, self._named.service))
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
        self._silent: dict[Node, float] = {}
        self._servers = ByNode[AsyncDial](lambda node: async_dialer(named.server_url(node), reply_timeout))
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._asked = ByNode[AsyncDial](lambda node: async_dialer(named.sentinel_url(node), brief))
        self._servers[self._sentinels[0]]  # connects to nothing; refuses what cannot be read

    async def __call__(self) -> Any:
        """A connection."""
        self.primary = node = await self._named_one()
        return await self._joined(node)

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
        search = _Search(self._named.service, self._silent)
        for sentinel in filter(search.goes_on, search.order(self._sentinels)):
            try:
                await self._ask(sentinel, search)
            except foreign() as error:
                search.failed(sentinel, error)
        return search.end()

    async def _ask(self, sentinel: Node, search: _Search) -> None:
        connection = await self._asked[sentinel]()
        try:
            about = None
            try:
                about = await async_ask(connection, *_ABOUT, self._named.service)
            except foreign() as error:
                if not answered(error):
                    raise
            search.read(about, await async_ask(connection, *_WHO, self._named.service))
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
