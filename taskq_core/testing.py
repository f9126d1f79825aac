"""Helpers for tests of your own tasks: one run without a server, or a whole queue on a real one.

async def test_welcome() -> None:
    assert await run_job(queue, "welcome", {"to": "user@example.com"}) == "sent"

async def test_sign_up_sends_a_welcome() -> None:
    async with live_queue(queue, "redis://localhost:6379/15"):
        await sign_up("user@example.com")            # calls welcome.add(...)
        assert (await drain(queue)).done == 1
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taskq_core.claimed import Job
from taskq_core.clock import wall_ms
from taskq_core.codec import PLAIN, Meta, check_payload
from taskq_core.config import MAX_BATCH
from taskq_core.errors import InvalidOption, UnknownTask
from taskq_core.job import Priority, State
from taskq_core.queue import TaskQueue
from taskq_core.task import Task
from taskq_core.worker.options import WorkerOptions

DRAIN_TIMEOUT = timedelta(seconds=30)

__all__ = ["Drained", "drain", "live_queue", "make_job", "run_job", "run_job_sync", "run_made"]


@dataclass(frozen=True, slots=True)
class Drained:
    """What `drain` did: jobs that ended well, and attempts that failed."""

    done: int
    failed: int


def make_job(
    queue: TaskQueue,
    task: str | Task[..., Any],
    payload: Mapping[str, Any] | bytes | str,
    *,
    attempt: int = 1,
    priority: Priority | str = Priority.NORMAL,
) -> Job:
    """A job as a worker of the queue would hand it to the handler.

    Raises: UnknownTask; InvalidPayload, also when the payload does not fit the task's signature.
    """
    name = task if isinstance(task, str) else task.name
    handler = queue.handlers.get(name)
    if handler is None:
        raise UnknownTask(name, tuple(queue.handlers))
    if attempt < 1:
        raise InvalidOption(f"attempts count from 1, not {attempt}")
    raw = check_payload(payload)
    if handler.check is not None:
        handler.check(raw)
    letter = Priority.of(priority).letter
    entry = b"%d-0" % wall_ms()
    meta = PLAIN if attempt == 1 else Meta(attempts=attempt - 1, id=letter + entry.decode())
    return Job(queue.name, letter, entry, name.encode(), raw, meta, handler=handler)


async def run_job(
    queue: TaskQueue,
    task: str | Task[..., Any],
    payload: Mapping[str, Any] | bytes | str,
    *,
    attempt: int = 1,
) -> Any:
    """What the task's handler returns for a payload, run once as a worker would, without a server.

    The payload goes through JSON and the task's signature; plain functions run in a thread. Time-outs
    do not apply, and nothing is tried again. Raises: UnknownTask, InvalidPayload, and whatever the
    handler raises, such as Retry or Discard.
    """
    return await run_made(make_job(queue, task, payload, attempt=attempt))


async def run_made(job: Job) -> Any:
    """What the handler returns for a job of `make_job`. Then ``job.notes`` holds what it said meanwhile.

    job = make_job(queue, "import", {"file": "a.csv"})
    await run_made(job)
    assert job.notes.progress == 1.0
    assert [line.text for line in job.notes.lines] == ["300 rows"]
    """
    if job.handler.is_async:
        return await job.handler.call(job)
    return await asyncio.to_thread(job.handler.call, job)


def run_job_sync(
    queue: TaskQueue,
    task: str | Task[..., Any],
    payload: Mapping[str, Any] | bytes | str,
    *,
    attempt: int = 1,
) -> Any:
    """As `run_job`, for tests that are not coroutines."""
    return asyncio.run(run_job(queue, task, payload, attempt=attempt))


@asynccontextmanager
async def live_queue(queue: TaskQueue, redis: str) -> AsyncIterator[TaskQueue]:
    """The queue on a given server, in a namespace of its own that is removed at the end.

    Meanwhile everything that enqueues through the queue or its tasks goes there. Keys of other
    namespaces are not touched, so the server may be one that is in use.
    """
    before = queue._url, queue.namespace  # noqa: SLF001 - a queue has no public way to move, only tests do
    await queue.close()
    queue._url, queue.namespace = redis, f"test-{secrets.token_hex(8)}"  # noqa: SLF001 - as above
    try:
        yield queue
    finally:
        await queue.async_client.remove(queue.name)
        await queue.close()
        queue._url, queue.namespace = before  # noqa: SLF001 - as above


async def drain(queue: TaskQueue, *, scheduled: bool = False, timeout: timedelta = DRAIN_TIMEOUT) -> Drained:
    """Works a queue until nothing is ready, with a real worker in this event loop; returns the counts.

    ``scheduled``: also runs at once what waits for a time, which is delayed jobs and next attempts,
    until none is left. Raises: TimeoutError.
    """
    done = failed = 0
    async with asyncio.timeout(timeout.total_seconds()):
        while True:
            worker = await queue.work(WorkerOptions(burst=True))
            done += worker.done_count
            failed += worker.failed_count
            if not scheduled or not await _make_due(queue):
                return Drained(done, failed)


async def _make_due(queue: TaskQueue) -> int:
    page = await queue.async_client.list_jobs(queue.name, State.SCHEDULED, limit=MAX_BATCH)
    if page.jobs:
        await queue.async_client.retry(queue.name, [job.ref.id for job in page.jobs])
    return len(page.jobs)
