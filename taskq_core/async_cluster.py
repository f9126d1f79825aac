"""An asyncio wire to a cluster: the twin of `cluster`. What goes to several nodes goes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from taskq_core import config
from taskq_core.clock import monotonic
from taskq_core.cluster_map import LOOK_MS, MOST_ROUNDS, QUESTION, ClusterMap, Round
from taskq_core.meaning import foreign
from taskq_core.routing import SlotMap, blocked_ms, blocking, joined, split_read
from taskq_core.topology import ByNode, Node, topology
from taskq_core.wire import AsyncDial, AsyncWire, Call, Word, async_ask, async_dialer, sound


class AsyncClusterWire:
    """In one event loop. Calls of one `pipeline` keep their order at each node."""

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        named = topology(url)
        self._wires = ByNode[AsyncWire](
            lambda node: AsyncWire(async_dialer(named.server_url(node), reply_timeout))
        )
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._briefly = ByNode[AsyncDial](lambda node: async_dialer(named.server_url(node), brief))
        self._map = ClusterMap(named.seeds)
        self._learning = asyncio.Lock()
        self._wires[named.seeds[0]]  # connects to nothing; refuses what cannot be read

    async def call(self, *words: Word) -> Any:
        """The reply. Raises what connections raise."""
        if words[0] == "XREAD" and len(parts := split_read(words)) > 1:
            return await self._read(parts, blocked_ms(words))
        return sound(await self.exchange([words]))[0]

    async def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands. An error among them is raised when all are read."""
        return sound(await self.exchange(calls))

    async def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands, errors among them as they are."""
        turn = Round(calls)
        for _ in range(MOST_ROUNDS):
            slots = self._map.slots or await self._learned()
            shares = turn.by_node(slots)
            answers = await self._all_sent([(node, turn.words(some)) for node, some in shares.items()])
            for (node, indices), replies in zip(shares.items(), answers, strict=True):
                turn.take(node, indices, replies, slots)
            if not turn.goes_on():
                break
        return turn.replies

    async def _all_sent(self, shares: Sequence[tuple[Node, Sequence[Call]]]) -> list[list[Any]]:
        if len(shares) == 1:  # nearly always: no task is made
            return [await self._sent(*shares[0])]
        sending = [asyncio.ensure_future(self._sent(*share)) for share in shares]
        try:
            return await asyncio.gather(*sending)
        except BaseException:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            raise

    async def _sent(self, node: Node, calls: Sequence[Call]) -> list[Any]:
        try:
            replies = await self._wires[node].exchange(calls)
        except foreign():
            self._map.failed(node)
            raise
        self._map.doubt(node, replies)
        return replies

    async def _learned(self) -> SlotMap:
        async with self._learning:
            if self._map.slots is not None:
                return self._map.slots
            failure: Exception = ConnectionError("no node of the cluster is known")
            for node in self._map.candidates():
                try:
                    return self._map.learn(await self._told(node), node)
                except foreign() as error:
                    failure = error
                    self._map.failed(node)
            raise failure

    async def _told(self, node: Node) -> Any:
        # not with the patience of a call: there are other nodes to be asked
        connection = await self._briefly[node]()
        try:
            return await async_ask(connection, *QUESTION)
        finally:
            await connection.disconnect(nowait=True)

    async def _read(self, parts: Sequence[Call], ms: int) -> Any:
        end = monotonic() + ms / 1000
        at = 0
        while True:
            found = joined(await self.pipeline([blocking(part, 0) for part in parts]))
            left = int((end - monotonic()) * 1000)
            if found or left <= 0:
                return found
            if found := joined(await self.pipeline([blocking(parts[at], min(left, LOOK_MS))])):
                return found
            at = (at + 1) % len(parts)

    async def close(self) -> None:
        """Closes the idle connections."""
        for wire in self._wires.values():
            await wire.close()
