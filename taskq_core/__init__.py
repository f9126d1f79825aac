"""taskq: a task queue on Redis and Valkey.

from taskq_core import TaskQueue

queue = TaskQueue("emails", redis="redis://localhost:6379", concurrency=10, retries=3)

@queue.task()
async def welcome(to: str) -> None: ...

await welcome.add("user@example.com")     # a worker: taskq worker MODULE:queue
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskq_core.apps import load_queues
    from taskq_core.async_client import AsyncClient
    from taskq_core.backoff import Backoff
    from taskq_core.claimed import Job
    from taskq_core.client import Client
    from taskq_core.codec import check_payload
    from taskq_core.connect import shown_url
    from taskq_core.errors import (
        AccessDenied,
        Discard,
        InvalidName,
        InvalidOption,
        InvalidPayload,
        KeyConflict,
        NotFound,
        QueueFull,
        Refused,
        Retry,
        ServerError,
        ServerFull,
        ServerTooOld,
        ServerUnreachable,
        TaskqError,
        UnknownTask,
        UsageError,
    )
    from taskq_core.job import (
        DEFAULT_OPTIONS,
        Change,
        Failure,
        JobDetail,
        JobOptions,
        NewJob,
        Page,
        Priority,
        Receipt,
        Receipts,
        State,
    )
    from taskq_core.names import JobRef, check_namespace, check_queue, check_task
    from taskq_core.queue import TaskQueue
    from taskq_core.server import LocalServer, LocalStatus
    from taskq_core.server_binary import ServerMissing
    from taskq_core.snapshot import FailedAttempt, Minute, Percentiles, QueueSnapshot, ServerInfo, WorkerInfo
    from taskq_core.supervisor import WorkerJob, run_workers
    from taskq_core.task import Task
    from taskq_core.version import __version__
    from taskq_core.worker.options import WorkerOptions

# Names are imported when they are first used: a command that needs no server does not wait for redis-py.
_HOME = {
    "AccessDenied": "errors",
    "AsyncClient": "async_client",
    "Backoff": "backoff",
    "Change": "job",
    "Client": "client",
    "DEFAULT_OPTIONS": "job",
    "Discard": "errors",
    "FailedAttempt": "snapshot",
    "Failure": "job",
    "InvalidName": "errors",
    "InvalidOption": "errors",
    "InvalidPayload": "errors",
    "Job": "claimed",
    "JobDetail": "job",
    "JobOptions": "job",
    "JobRef": "names",
    "KeyConflict": "errors",
    "LocalServer": "server",
    "LocalStatus": "server",
    "Minute": "snapshot",
    "NewJob": "job",
    "NotFound": "errors",
    "Page": "job",
    "Percentiles": "snapshot",
    "Priority": "job",
    "QueueFull": "errors",
    "QueueSnapshot": "snapshot",
    "Receipt": "job",
    "Receipts": "job",
    "Refused": "errors",
    "Retry": "errors",
    "ServerError": "errors",
    "ServerFull": "errors",
    "ServerInfo": "snapshot",
    "ServerMissing": "server_binary",
    "ServerTooOld": "errors",
    "ServerUnreachable": "errors",
    "State": "job",
    "Task": "task",
    "TaskQueue": "queue",
    "TaskqError": "errors",
    "UnknownTask": "errors",
    "UsageError": "errors",
    "WorkerInfo": "snapshot",
    "WorkerJob": "supervisor",
    "WorkerOptions": "worker.options",
    "__version__": "version",
    "check_namespace": "names",
    "check_payload": "codec",
    "check_queue": "names",
    "check_task": "names",
    "load_queues": "apps",
    "run_workers": "supervisor",
    "shown_url": "connect",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'taskq_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"taskq_core.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)


__all__ = [
    "DEFAULT_OPTIONS",
    "AccessDenied",
    "AsyncClient",
    "Backoff",
    "Change",
    "Client",
    "Discard",
    "FailedAttempt",
    "Failure",
    "InvalidName",
    "InvalidOption",
    "InvalidPayload",
    "Job",
    "JobDetail",
    "JobOptions",
    "JobRef",
    "KeyConflict",
    "LocalServer",
    "LocalStatus",
    "Minute",
    "NewJob",
    "NotFound",
    "Page",
    "Percentiles",
    "Priority",
    "QueueFull",
    "QueueSnapshot",
    "Receipt",
    "Receipts",
    "Refused",
    "Retry",
    "ServerError",
    "ServerFull",
    "ServerInfo",
    "ServerMissing",
    "ServerTooOld",
    "ServerUnreachable",
    "State",
    "Task",
    "TaskQueue",
    "TaskqError",
    "UnknownTask",
    "UsageError",
    "WorkerInfo",
    "WorkerJob",
    "WorkerOptions",
    "__version__",
    "check_namespace",
    "check_payload",
    "check_queue",
    "check_task",
    "load_queues",
    "run_workers",
    "shown_url",
]
