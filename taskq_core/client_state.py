"""What `Client` and `AsyncClient` share: names, limits, producer sessions, and how replies are read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from taskq_core import config
from taskq_core.address import is_cluster
from taskq_core.clock import positive_ms, wall_ms
from taskq_core.codec import check_payload
from taskq_core.command import Command, text
from taskq_core.commands import produce
from taskq_core.errors import NotDurable, NotFound, Refused, TaskqError
from taskq_core.job import JobDetail, JobOptions, Receipts
from taskq_core.keys import QueueKeys, queue_keys
from taskq_core.late import LateModule
from taskq_core.metrics import hook
from taskq_core.names import JobRef, check_namespace

if TYPE_CHECKING:
    from taskq_core import snapshot
    from taskq_core.snapshot import ServerInfo, WorkerInfo
else:
    snapshot = LateModule("taskq_core.snapshot")

Payload = Mapping[str, Any] | bytes | str
PIPELINE = 100
"""Calls that are sent in one go."""
CANCEL_ORDER_MS = 60_000
"""How long an order to a worker waits for it."""
STOP_ORDER_MS = 60_000
STOP = b'{"stop":"soon"}'
STOP_NOW = b'{"stop":"now"}'
"""The orders that end a worker: with the grace for what runs, or without."""


class ProducerSession:
    """A session that numbers its calls: the server remembers the last one and its reply."""

    __slots__ = ("id", "number")

    def __init__(self) -> None:
        self.id = os.urandom(8).hex()
        self.number = 0


class ClientState:
    """What both clients hold: names, limits, producer sessions."""

    def __init__(self, url: str, namespace: str, deadline: float, payload_limit: int) -> None:
        self.url = url
        self.namespace = check_namespace(namespace)
        self.payload_limit = min(payload_limit, config.HARD_PAYLOAD_BYTES)
        self.deadline = deadline
        self.idle: list[ProducerSession] = []
        self.announced: set[str] = set()

    @property
    def spread(self) -> bool:
        """Whether the queues live on several servers, of which one may be away while the others answer."""
        return is_cluster(self.url)

    def keys(self, queue: str) -> QueueKeys:
        """The keys of a queue. Raises: InvalidName."""
        return queue_keys(self.namespace, queue)

    def take_session(self) -> ProducerSession:
        """A session for one call."""
        # one call at a time in a session; one whose answer never came is not used again
        try:
            producer = self.idle.pop()
        except IndexError:
            producer = ProducerSession()
        producer.number += 1
        return producer

    def single(self, task: str, payload: Payload, options: JobOptions) -> list[produce.Group]:
        """One job as a group. Raises: InvalidPayload."""
        return [produce.Group(task, (check_payload(payload, self.payload_limit),), options)]

    def checked(self, payloads: Iterable[Payload]) -> Iterable[list[bytes]]:
        """Payloads, checked, in batches that one call may carry. Raises: InvalidPayload."""
        return produce.batches(payloads, self.payload_limit)

    def _count(self, queue: str, groups: Sequence[produce.Group], receipts: Receipts) -> None:
        """Counts jobs that were added, where anybody asked for that."""
        if hook.counter is not None:
            hook.counter.enqueued((self.namespace, queue), groups, receipts)

    def _count_refused(self, queue: str, groups: Sequence[produce.Group], error: TaskqError) -> None:
        """Counts jobs that were not."""
        if hook.counter is not None:
            hook.counter.refused((self.namespace, queue), groups, error)

    def before(self, older_than: timedelta | None) -> int | None:
        """The time before which something is older than that."""
        return None if older_than is None else wall_ms() - positive_ms(older_than, "older_than")


def evalsha(command: Command[Any]) -> tuple[Any, ...]:
    """The words of a call of a script that the server knows."""
    return ("EVALSHA", command.script.sha, len(command.keys), *command.keys, *command.args)


def whole(command: Command[Any]) -> tuple[Any, ...]:
    """The words of a call of a script that the server may not know."""
    return ("EVAL", command.script.source, len(command.keys), *command.keys, *command.args)


def found(detail: JobDetail | None, ref: JobRef) -> JobDetail:
    """The detail. Raises: NotFound when there is none."""
    if detail is None:
        raise NotFound(
            f"no job {ref}", hint="It may have ended: only jobs enqueued with keep are remembered after that"
        )
    return detail


def limits_of(  # noqa: PLR0913 - the limits of a queue
    max_jobs: int | None,
    max_bytes: int | None,
    dead_max: int | None,
    dead_age: timedelta | None,
    slo: timedelta | None,
    notes: bool | None,
) -> dict[str, int | None]:
    """Limits as they are stored; 0 stands for the default."""
    limits: dict[str, int | None] = {}
    if max_jobs is not None:
        limits["max_jobs"] = max_jobs or None
    if max_bytes is not None:
        limits["max_bytes"] = max_bytes or None
    if dead_max is not None:
        limits["dead_max"] = dead_max or None
    if dead_age is not None:
        limits["dead_age"] = positive_ms(dead_age, "dead_age") if dead_age else None
    if slo is not None:
        limits["slo"] = positive_ms(slo, "slo") if slo else None
    if notes is not None:
        limits["notes_off"] = None if notes else 1
    return limits


def so_far(queue: str, parts: Sequence[Receipts], error: NotDurable | Refused) -> Receipts:
    """The receipts of the parts of a call that were made before one failed, and of what that one did add."""
    return Receipts.joined(queue, [*parts, error.receipts] if error.receipts else parts)


def cancel_order(job_id: str) -> bytes:
    """The order that makes a worker cancel a job."""
    return b'{"cancel":"%b"}' % job_id.encode()


def describe(worker: WorkerInfo, reply: Any) -> WorkerInfo:
    """The worker with what it says of itself: a HGETALL reply in either protocol."""
    rows = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    about = {text(name): text(value) for name, value in rows}
    return snapshot.WorkerInfo(worker.id, worker.queue, worker.expires_at, about)


def info_fields(reply: Any) -> dict[str, str]:
    """The answer of INFO by name, raw or as redis-py makes it."""
    if isinstance(reply, dict):
        return {text(name): text(value) for name, value in reply.items()}
    return dict(line.split(":", 1) for line in text(reply).splitlines() if ":" in line)


def read_info(reply: Any) -> ServerInfo:
    """What `ping` tells of the answer of INFO."""
    info = info_fields(reply)
    valkey = info.get("valkey_version")
    return snapshot.ServerInfo(
        kind="valkey" if valkey else "redis", version=valkey or info.get("redis_version", "?"),
        mode=info.get("redis_mode", "standalone"), used_memory=int(info.get("used_memory", "0")),
        max_memory=int(info.get("maxmemory", "0")), eviction=info.get("maxmemory_policy", ""),
        aof=info.get("aof_enabled") == "1",
    )  # fmt: skip


def reply_timeout(url: str, deadline: float) -> float:
    """Seconds to wait for one reply: no longer than the call may take, where that is bounded."""
    if deadline > 0:
        return min(config.REPLY_TIMEOUT_S, deadline)
    # a worker: one node of a cluster must not hold up the queues of the others
    return config.NODE_TIMEOUT_S if is_cluster(url) else config.REPLY_TIMEOUT_S
