"""Which node of a cluster a command belongs to. Pure: slots, the map of them, and what redirects."""

from __future__ import annotations

from binascii import crc_hqx
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from taskq_core.command import text
from taskq_core.topology import Node

SLOTS: Final = 16_384
_KEYLESS: Final = frozenset({
    "ACL", "ASKING", "CLUSTER", "CONFIG", "ECHO", "INFO", "PING", "ROLE", "TIME", "WAIT", "WAITAOF",
})  # fmt: skip
"""Commands of ours that name no key: any node will do, or the one of the command before them."""


def slot_of(key: str | bytes) -> int:
    """The slot of a key: that of its hash tag, which is the first part in braces."""
    raw = key.encode() if isinstance(key, str) else key
    start = raw.find(b"{")
    end = raw.find(b"}", start + 1)
    return crc_hqx(raw[start + 1 : end] if -1 < start < end - 1 else raw, 0) % SLOTS


def slot_of_call(words: Sequence[Any]) -> int | None:
    """The slot of a command's first key; None when it names no key."""
    name = words[0]
    if name in ("EVALSHA", "EVAL"):
        return slot_of(words[3])
    if name in _KEYLESS:
        return None
    return slot_of(words[words.index("STREAMS") + 1] if name == "XREAD" else words[1])


def split_read(words: Sequence[Any]) -> list[tuple[Any, ...]]:
    """An XREAD as one for each slot of its streams."""
    at = words.index("STREAMS") + 1
    head, rest = words[:at], words[at:]
    half = len(rest) // 2
    by_slot: dict[int, list[tuple[Any, Any]]] = {}
    for key, after in zip(rest[:half], rest[half:], strict=True):
        by_slot.setdefault(slot_of(key), []).append((key, after))
    return [(*head, *(key for key, _ in some), *(after for _, after in some)) for some in by_slot.values()]


def blocked_ms(words: Sequence[Any]) -> int:
    """How long an XREAD waits; 0 when it does not."""
    return int(words[words.index("BLOCK") + 1]) if "BLOCK" in words else 0


def blocking(words: Sequence[Any], ms: int) -> tuple[Any, ...]:
    """The same XREAD with another time to wait; 0: without waiting."""
    if "BLOCK" not in words:
        return tuple(words)
    at = words.index("BLOCK")
    return (*words[: at + 1], ms, *words[at + 2 :]) if ms else (*words[:at], *words[at + 2 :])


def joined(replies: Sequence[Any]) -> list[Any] | None:
    """The replies of parts of an XREAD as one, in either protocol."""
    rows = [list(reply.items()) if isinstance(reply, dict) else reply for reply in replies if reply]
    return [row for some in rows for row in some] or None


class SlotMap:
    """Which primary serves which slot, as CLUSTER SLOTS tells it."""

    def __init__(self, reply: Sequence[Any], told_by: Node) -> None:
        rows = sorted((int(row[0]), int(row[1]), _node(row[2], told_by)) for row in reply)
        self._starts = [start for start, _, _ in rows]
        self._rows = rows
        self._moved: dict[int, Node] = {}
        self.nodes = tuple(dict.fromkeys(node for _, _, node in rows))

    def node_of(self, slot: int) -> Node:
        """The node of a slot. Raises: ConnectionError when nobody serves it."""
        if slot in self._moved:
            return self._moved[slot]
        at = bisect_right(self._starts, slot) - 1
        if at < 0 or slot > self._rows[at][1]:
            raise ConnectionError(f"no node of the cluster serves slot {slot}")
        return self._rows[at][2]

    def learn(self, slot: int, node: Node) -> None:
        """A node said that another one has the slot."""
        self._moved[slot] = node


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another node has the key. ``lasting``: from now on, or for this call only, while it moves there."""

    slot: int
    node: Node
    lasting: bool


def redirect(reply: object, told_by: Node) -> Redirect | None:
    """The other node that an error names; None when it is no redirection."""
    if not isinstance(reply, Exception):
        return None
    words = str(reply).split()
    if words[:1] != ["MOVED"] and words[:1] != ["ASK"]:
        # redis-py keeps the first word as the type
        words = [{"MovedError": "MOVED", "AskError": "ASK"}.get(type(reply).__name__, ""), *words]
    if not words[0] or len(words) < 3:
        return None
    host, _, port = words[2].rpartition(":")
    return Redirect(int(words[1]), (host or told_by[0], int(port)), lasting=words[0] == "MOVED")


def _node(said: Sequence[Any], told_by: Node) -> Node:
    # a node that does not know its own address leaves it out
    host = text(said[0])
    return (told_by[0] if host in ("", "?") else host), int(said[1])
