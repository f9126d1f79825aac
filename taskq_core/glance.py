"""The names a server knows, asked once and briefly: for a shell that completes a word.

It only reads, and says nothing where it fails: whoever pressed a key expects names, not errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from taskq_core.command import text
from taskq_core.errors import InvalidName, UsageError
from taskq_core.keys import queue_keys, queues_key
from taskq_core.meaning import foreign
from taskq_core.names import check_queue, check_task
from taskq_core.wire import Sender, open_wire

QUEUES_LOOKED_AT: Final = 50
WORKERS_LOOKED_AT: Final = 20
"""Of one queue: its workers know the same tasks, as a rule."""


def queue_names(url: str, namespace: str, timeout: float) -> tuple[str, ...]:
    """The queues of a namespace, sorted; empty when the server does not say.

    ``timeout``: seconds to wait for the connection, and for the reply.
    """
    with contextlib.suppress(*foreign(), UsageError), contextlib.closing(open_wire(url, timeout)) as wire:
        return _queues(wire, namespace)
    return ()


def task_names(url: str, namespace: str, timeout: float) -> tuple[str, ...]:
    """The tasks that live workers of a namespace know, sorted; empty when the server does not say.

    ``timeout``: seconds to wait for the connection, and for each of three replies.
    """
    with contextlib.suppress(*foreign(), UsageError), contextlib.closing(open_wire(url, timeout)) as wire:
        keys = [queue_keys(namespace, name) for name in _queues(wire, namespace)[:QUEUES_LOOKED_AT]]
        leases = _all(wire, [("ZRANGE", of.leases, "0", str(WORKERS_LOOKED_AT - 1)) for of in keys])
        known = [
            ("HGET", of.worker(text(worker)), "tasks")
            for of, workers in zip(keys, leases, strict=True)
            for worker in workers
        ]
        found = {name for tasks in _all(wire, known) for name in text(tasks).split()}
        return tuple(sorted(filter(_is_task, found)))
    return ()


def _queues(wire: Sender, namespace: str) -> tuple[str, ...]:
    names = map(text, wire.call("SMEMBERS", queues_key(namespace)))
    return tuple(sorted(filter(_is_queue, names)))


def _all(wire: Sender, calls: Sequence[tuple[str, ...]]) -> list[Any]:
    return wire.pipeline(calls) if calls else []


def _is_queue(name: str) -> bool:
    with contextlib.suppress(InvalidName):
        return bool(check_queue(name))
    return False


def _is_task(name: str) -> bool:
    with contextlib.suppress(InvalidName):
        return bool(check_task(name))
    return False
