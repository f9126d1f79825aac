"""taskq: a task queue on Redis and Valkey.

from taskq_core import TaskQueue

queue = TaskQueue("emails", redis="redis://localhost:6379", concurrency=10, retries=3)

@queue.task()
async def welcome(to: str) -> None: ...

await welcome.add("user@example.com")     # a worker: taskq worker MODULE:queue
"""

# applications
# the server, and looking at it
from taskq_core.async_client import AsyncClient
from taskq_core.backoff import Backoff
from taskq_core.claimed import Job
from taskq_core.client import Client

# jobs
from taskq_core.codec import check_payload
from taskq_core.connect import shown_url

# errors, and what a handler may raise
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
    WrongState,
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
from taskq_core.snapshot import FailedAttempt, Minute, Percentiles, QueueSnapshot, ServerInfo, WorkerInfo

# workers
from taskq_core.supervisor import WorkerJob, run_workers
from taskq_core.task import Task
from taskq_core.version import __version__
from taskq_core.worker.options import WorkerOptions

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
    "WrongState",
    "__version__",
    "check_namespace",
    "check_payload",
    "check_queue",
    "check_task",
    "run_workers",
    "shown_url",
]
