"""What both cluster wires know of their cluster, and how a round of calls is shared out. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from taskq_core.meaning import passing
from taskq_core.routing import SlotMap, redirect, slot_of_call
from taskq_core.topology import Node

MOST_ROUNDS: Final = 5
"""Redirections that a call follows: a cluster that goes on redirecting is not ready."""
QUESTION: Final = ("CLUSTER", "SLOTS")
LOOK_MS: Final = 100
"""How long a read of streams in several slots waits at one of them before it looks at the others."""


class ClusterMap:
    """The nodes that are known, and which of them has which slot."""

    def __init__(self, seeds: Sequence[Node]) -> None:
        self._seeds = tuple(seeds)
        self._order = list(dict.fromkeys(seeds))
        self.slots: SlotMap | None = None
        """None: one of the `candidates` has to be asked."""

    def candidates(self) -> tuple[Node, ...]:
        """The nodes that may be asked for the slots: those that failed come last."""
        return tuple(self._order)

    def learn(self, reply: Any, told_by: Node) -> SlotMap:
        """What a node answered. Raises: ConnectionError when it knows of no slot."""
        if not reply:
            raise ConnectionError(f"{told_by[0]}:{told_by[1]} knows of no slot of its cluster")
        self.slots = slots = SlotMap(reply, told_by)
        known = dict.fromkeys((*self._order, *slots.nodes))
        self._order = [node for node in known if node in slots.nodes or node in self._seeds]
        return slots

    def failed(self, node: Node) -> None:
        """A node does not answer: the slots are to be learned anew, from another one if possible."""
        self.slots = None
        self._order = [*(other for other in self._order if other != node), node]

    def doubt(self, node: Node, replies: Sequence[Any]) -> None:
        """The same when a node says that it is no primary, or cut off from the others."""
        if any(isinstance(reply, Exception) and passing(reply) for reply in replies):
            self.failed(node)


class Round:
    """Calls on their way: by node, in order, until each has its reply."""

    def __init__(self, calls: Sequence[tuple[Any, ...]]) -> None:
        self.calls = calls
        self.replies: list[Any] = [None] * len(calls)
        self._slots = [slot_of_call(words) for words in calls]
        self._open: Iterable[int] = range(len(calls))
        self._turned: set[int] = set()
        self._asking: dict[int, Node] = {}

    def by_node(self, slots: SlotMap) -> dict[Node, list[int]]:
        """Which calls go where now; one without a key follows the one before it. Raises: ConnectionError."""
        found: dict[Node, list[int]] = {}
        before = slots.nodes[0]
        for at in self._open:
            slot = self._slots[at]
            if slot is not None:
                before = self._asking.get(at) or slots.node_of(slot)
            found.setdefault(before, []).append(at)
        return found

    def words(self, indices: Sequence[int]) -> list[tuple[Any, ...]]:
        """What is sent to one node: calls that it takes only for this once are announced."""
        sent: list[tuple[Any, ...]] = []
        for at in indices:
            if at in self._asking:
                sent.append(("ASKING",))
            sent.append(self.calls[at])
        return sent

    def take(self, node: Node, indices: Sequence[int], replies: Sequence[Any], slots: SlotMap) -> None:
        """The replies of one node."""
        rest = iter(replies)
        for at in indices:
            if self._asking.pop(at, None):
                next(rest)
            self.replies[at] = reply = next(rest)
            turn = redirect(reply, node)
            if turn is None:
                if self._slots[at] is None and at - 1 in self._turned:
                    self._turned.add(at)  # it belongs to the call before it
                continue
            self._turned.add(at)
            if turn.lasting:
                slots.learn(turn.slot, turn.node)
            else:
                self._asking[at] = turn.node

    def goes_on(self) -> bool:
        """Whether calls have to be sent again, elsewhere."""
        self._open, self._turned = sorted(self._turned), set()
        return bool(self._open)
