"""A sync wire to a cluster: each call goes to the node that has its queue.

The map of slots is learned from any node that answers, and anew when one fails. A call that a node
sends elsewhere goes there; what fails raises as with a single server, and the caller tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskq_core import config
from taskq_core.clock import monotonic
from taskq_core.cluster_map import LOOK_MS, MOST_ROUNDS, QUESTION, ClusterMap, Round
from taskq_core.meaning import foreign
from taskq_core.routing import SlotMap, blocked_ms, blocking, joined, split_read
from taskq_core.topology import ByNode, Node, topology
from taskq_core.wire import Call, Dial, Wire, Word, ask, dialer, sound


class ClusterWire:
    """Any number of threads may call. Calls of one `pipeline` go node by node, in order at each."""

    def __init__(self, url: str, reply_timeout: float) -> None:
        """Raises: UsageError."""
        named = topology(url)
        self._wires = ByNode[Wire](lambda node: Wire(dialer(named.server_url(node), reply_timeout)))
        brief = min(reply_timeout, config.LOOK_TIMEOUT_S)
        self._briefly = ByNode[Dial](lambda node: dialer(named.server_url(node), brief))
        self._map = ClusterMap(named.seeds)
        self._wires[named.seeds[0]]  # connects to nothing; refuses what cannot be read

    def call(self, *words: Word) -> Any:
        """The reply. Raises what connections raise."""
        if words[0] == "XREAD" and len(parts := split_read(words)) > 1:
            return self._read(parts, blocked_ms(words))
        return sound(self.exchange([words]))[0]

    def pipeline(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands. An error among them is raised when all are read."""
        return sound(self.exchange(calls))

    def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to commands, errors among them as they are."""
        turn = Round(calls)
        for _ in range(MOST_ROUNDS):
            slots = self._map.slots or self._learned()
            for node, indices in turn.by_node(slots).items():
                turn.take(node, indices, self._sent(node, turn.words(indices)), slots)
            if not turn.goes_on():
                break
        return turn.replies

    def _sent(self, node: Node, calls: Sequence[Call]) -> list[Any]:
        try:
            replies = self._wires[node].exchange(calls)
        except foreign():
            self._map.failed(node)
            raise
        self._map.doubt(node, replies)
        return replies

    def _learned(self) -> SlotMap:
        failure: Exception = ConnectionError("no node of the cluster is known")
        for node in self._map.candidates():
            try:
                return self._map.learn(self._told(node), node)
            except foreign() as error:
                failure = error
                self._map.failed(node)
        raise failure

    def _told(self, node: Node) -> Any:
        # not with the patience of a call: there are other nodes to be asked
        connection = self._briefly[node]()
        try:
            return ask(connection, *QUESTION)
        finally:
            connection.disconnect()

    def _read(self, parts: Sequence[Call], ms: int) -> Any:
        end = monotonic() + ms / 1000
        at = 0
        while True:
            found = joined(self.pipeline([blocking(part, 0) for part in parts]))
            left = int((end - monotonic()) * 1000)
            if found or left <= 0:
                return found
            if found := joined(self.pipeline([blocking(parts[at], min(left, LOOK_MS))])):
                return found
            at = (at + 1) % len(parts)

    def close(self) -> None:
        """Closes the idle connections."""
        for wire in list(self._wires.values()):
            wire.close()
