"""Every error taskq raises on purpose.

    TaskqError
    ├── UsageError            the caller asked for something that cannot be right
    │   ├── InvalidName       a queue, namespace, task or job id breaks its pattern
    │   ├── InvalidPayload    no JSON object, too large, too deep, NaN, or not the task's signature
    │   ├── InvalidOption     an option outside its range
    │   └── UnknownTask       no task of that name is registered here
    ├── NotFound              no such job or queue
    ├── Refused               the server's state says no
    │   ├── QueueFull         the queue's own depth limit
    │   │   └── TenantFull    a tenant's limit of waiting jobs
    │   ├── QueueDraining     the queue takes no more jobs
    │   └── ServerFull        the server's maxmemory
    ├── ServerError           the server answered with an error
    │   ├── ServerTooOld      older than Redis 7.0 / Valkey 7.2
    │   ├── KeyConflict       one of our keys holds another type
    │   └── AccessDenied      wrong password, or an ACL rule
    ├── NotDurable            enqueued, but not known to be safe in time
    └── ServerUnreachable     no answer in time; worth another try
        └── NotTrusted        the TLS handshake failed; not worth one

`Retry` and `Discard` are raised by handlers, to steer what happens to their job.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any


class TaskqError(Exception):
    """Base of all. ``str()`` says what and why; ``hint`` says what to do, or is empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TaskqError):
    """The call itself is wrong; repeating it cannot help."""


class InvalidName(UsageError):
    """A name or id that breaks its pattern."""

    def __init__(self, kind: str, value: str, pattern: str) -> None:
        super().__init__(
            f"{kind} {value[:80]!r} is not valid",
            hint=f"A {kind} must match {pattern}",
        )
        self.kind = kind
        self.value = value
        self.pattern = pattern


class InvalidPayload(UsageError):
    """A payload that cannot be sent. ``reason`` is one short phrase."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(f"payload refused: {reason}", hint=hint)
        self.reason = reason


class InvalidOption(UsageError):
    """An option outside its range."""


class UnknownTask(UsageError):
    """No task of that name is registered. ``known`` lists those that are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        listed = ", ".join(known[:10]) or "none"
        super().__init__(f"unknown task {name[:80]!r}", hint=f"Known tasks: {listed}")
        self.name = name
        self.known = known


class NotFound(TaskqError):
    """No such job or queue."""


class Refused(TaskqError):
    """The state on the server says no; nothing was changed.

    ``receipts``: of a call that goes to the server in several parts, what had been enqueued before.
    """

    receipts: Any = ()


class QueueFull(Refused):
    """The queue holds as much as its limit allows; no job of the call was added.

    ``limit`` and ``depth`` are jobs or, by ``unit``, bytes of the server's memory, more or less.
    """

    def __init__(self, queue: str, limit: int, depth: int, unit: str = "jobs") -> None:
        waiting = f"{depth} jobs wait" if unit == "jobs" else f"its jobs take about {depth} bytes"
        super().__init__(
            f"queue {queue!r} is full: {waiting}, its limit is {limit}",
            hint="Try again when workers have caught up, or raise the queue's limit",
        )
        self.queue = queue
        self.limit = limit
        self.depth = depth
        self.unit = unit


class TenantFull(QueueFull):
    """A tenant has as many waiting jobs in a queue as it may; no job of the call was added."""

    def __init__(self, queue: str, tenant: str, limit: int, depth: int) -> None:
        super().__init__(queue, limit, depth)
        self.tenant = tenant
        self.message = f"tenant {tenant!r} has {depth} jobs waiting in queue {queue!r}, its limit is {limit}"
        self.args = (self.message,)
        self.hint = f"Try again later, or raise it: taskq tenant set {queue} {tenant} --max-waiting N"


class QueueDraining(Refused):
    """The queue is being emptied and takes no more jobs; no job of the call was added."""

    def __init__(self, queue: str) -> None:
        super().__init__(
            f"queue {queue!r} is draining: it takes no more jobs",
            hint=f"Open it again with: taskq queue resume {queue}",
        )
        self.queue = queue


class ServerFull(Refused):
    """The server reached its maxmemory; enqueueing stops, draining goes on."""


class ServerError(TaskqError):
    """The server answered with an error nobody here expects."""


class ServerTooOld(ServerError):
    """The server lacks what taskq needs."""


class KeyConflict(ServerError):
    """A key that belongs to taskq holds another type."""


class AccessDenied(ServerError):
    """Wrong credentials, or an ACL rule that forbids a command or key."""


class NotDurable(TaskqError):
    """Jobs were enqueued with ``durable``, and the server did not confirm in time that they are safe.

    They are there and will run; what they may not survive is a crash of the server just now. ``receipts`` is
    what the call would have returned: to enqueue them again would make them twice.
    """

    def __init__(self, message: str, receipts: Sequence[Any], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.receipts: Any = receipts


class ServerUnreachable(TaskqError):
    """No connection, or no answer in time. The call may or may not have had its effect;
    calls of taskq may be repeated without doing anything twice.
    """


class NotTrusted(ServerUnreachable):
    """The TLS handshake failed, by a certificate or a port that speaks no TLS: it is not tried again."""


class Retry(Exception):
    """Raise in a handler: try this job again, after ``delay`` (or by its backoff when None).

    Counts as an attempt: with none left, the job is buried with ``reason``.
    """

    def __init__(self, delay: timedelta | None = None, reason: str = "retry asked for") -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason


class Discard(Exception):
    """Raise in a handler: no further attempt; the job goes to the dead letter queue with ``reason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
