"""Workers in the event loop of a test, stopped in good order at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from taskq_core import Backoff, TaskQueue, WorkerOptions
from taskq_core.worker.worker import Worker
from tests.scripts.rig import Rig
from tests.waiting import until

QUICK = Backoff(base=timedelta(milliseconds=1), factor=1)
DEFAULTS = WorkerOptions(lease=timedelta(seconds=5), grace=timedelta(seconds=5))


def queue_on(rig: Rig, **options: Any) -> TaskQueue:
    """The queue of the rig, as an application has it; failed jobs come back at once."""
    return TaskQueue("q", redis=rig.url, **({"backoff": QUICK} | options))


async def work_off(queue: TaskQueue, **options: Any) -> Worker:
    """The worker that ran until nothing was ready."""
    try:
        return await asyncio.wait_for(queue.work(replace(DEFAULTS, burst=True, **options)), 30)
    finally:
        await queue.close()


@asynccontextmanager
async def working(*queues: TaskQueue, **options: Any) -> AsyncIterator[list[asyncio.Task[Worker]]]:
    """A worker for each queue, until the block ends."""
    tasks = [asyncio.create_task(queue.work(replace(DEFAULTS, **options))) for queue in queues]
    try:
        yield tasks
    finally:
        await stop(*tasks)
        for queue in queues:
            await queue.close()


async def stop(*tasks: asyncio.Task[Worker]) -> None:
    """Ends workers in good order. Raises what they ended with, if it was anything else."""
    for task in tasks:
        if not task.cancelling():  # a second cancellation would end it at once
            task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
            raise ended


async def counted(rig: Rig, timeout: float = 20, **totals: int) -> None:
    """Waits until the queue's totals are as said."""
    await until(lambda: {name: rig.totals().get(name, 0) for name in totals} == totals, timeout, f"{totals}")


async def only_worker(rig: Rig) -> str:
    """The name of the one worker, once it is registered."""
    workers = await until(lambda: rig.client.workers("q"))
    (worker,) = workers
    return str(worker.id)
