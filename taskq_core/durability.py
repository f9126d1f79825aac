"""Enqueues that return when their jobs are safe: what a server can confirm, and how it is asked to.

The confirmation is asked for behind the enqueue, on the same connection: WAITAOF waits for the disk, WAIT
for a replica, each up to the last write *of that connection*. An enqueue whose answer was lost is repeated on
another connection, where the script only returns its first reply and writes nothing. So a small write comes
between the two, which moves the mark behind everything that was written before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from taskq_core import config
from taskq_core.client_state import info_fields, reply_timeout
from taskq_core.command import Command
from taskq_core.errors import NotDurable, Refused
from taskq_core.job import Receipts
from taskq_core.keys import QueueKeys

_WAITAOF_SINCE: Final = (7, 2)
_TRIED_MS: Final = 100
"""How long a replica may take to say that it is there: an idle one is asked at once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a server is asked to confirm: the disk, a replica, or both."""

    disk: bool
    replica: bool


def look(keys: QueueKeys) -> list[tuple[str, ...]]:
    """The commands that tell what the server of a queue can confirm."""
    return [("EXISTS", keys.meta), ("INFO",)]


def attempt(keys: QueueKeys) -> list[tuple[Any, ...]]:
    """The commands that find it out on a server that does not let this user ask: each is tried, briefly."""
    return [("EXISTS", keys.meta), ("WAITAOF", 1, 0, 1), ("WAIT", 1, _TRIED_MS)]


def attempted(replies: Sequence[Any]) -> Proof | None:
    """What it can confirm; None when the user may not even touch the queue. Raises: Refused."""
    if isinstance(replies[0], Exception):
        return None
    # without an append-only file the answer is an error, whatever there is to be written
    found = Proof(disk=not isinstance(replies[1], Exception), replica=_reached(replies[2]))
    return found if found.disk or found.replica else _refuse()


def proof_of(replies: Sequence[Any]) -> Proof:
    """What it can confirm. Raises: Refused when that is nothing."""
    info = info_fields(replies[-1])
    version = tuple(map(int, re.findall(r"\d+", info.get("redis_version", ""))[:2]))
    aof = info.get("aof_enabled") == "1"
    found = Proof(
        disk=aof and version >= _WAITAOF_SINCE, replica=info.get("connected_slaves", "0") not in ("", "0")
    )
    if found.disk or found.replica:
        return found
    if aof:
        raise Refused(
            "a durable enqueue needs a server that can say when jobs are on disk; this one is too old for it",
            hint="It takes Redis or Valkey 7.2, or a replica. With `appendfsync always` every enqueue is on "
            "disk when it returns, durable or not",
        )
    return _refuse()


def _refuse() -> NoReturn:
    raise Refused(
        "a durable enqueue needs a server that writes to disk or has a replica; this one does neither",
        hint="Set `appendonly yes` on a server of Redis 7.2 or Valkey, or connect a replica to it",
    )


def proven(
    command: Command[Receipts], key: str, proof: Proof, url: str, deadline: float
) -> Command[Receipts]:
    """The enqueue with its confirmation. ``key``: of its producer session. Its parsing raises NotDurable."""
    # the reply has to come before the connection gives up on it
    ms = min(config.DURABLE_MS, int(reply_timeout(url, deadline) * 800))
    then: list[tuple[Any, ...]] = [("PEXPIRE", key, config.PRODUCER_TTL_MS)]
    if proof.disk:
        then.append(("WAITAOF", 1, 0, ms))
    if proof.replica:
        then.append(("WAIT", 1, ms))

    def parse(replies: Sequence[Any]) -> Receipts:
        receipts = command.parse(replies[0])
        # an error in the place of a confirmation confirms nothing
        missing = [
            name for name, reply in zip(_names(proof), replies[2:], strict=True) if not _reached(reply)
        ]
        if missing:
            raise _unproven(receipts, missing, ms)
        return receipts

    return replace(command, parse=parse, then=then)


def _names(proof: Proof) -> list[str]:
    return ["on disk"] * proof.disk + ["on a replica"] * proof.replica


def _reached(reply: Any) -> bool:
    count = reply[0] if isinstance(reply, list | tuple) else reply
    return isinstance(count, int) and count >= 1


def _unproven(receipts: Receipts, missing: Sequence[str], ms: int) -> NotDurable:
    jobs = "1 job is" if len(receipts) == 1 else f"{len(receipts)} jobs are"
    return NotDurable(
        f"{jobs} enqueued, but not known to be {' and '.join(missing)} after {ms / 1000:g} s: a crash of the "
        "server now may lose what it has not written or passed on",
        receipts,
        hint="Do not enqueue again: they would run twice. See the server's log, and its INFO",
    )
