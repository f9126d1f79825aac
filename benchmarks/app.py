"""The application of these measurements: jobs that take a while and say when they began and ended."""

from __future__ import annotations

import asyncio
import os
import time
from functools import cache
from pathlib import Path

from taskq_cli.bench.records import Journal
from taskq_core import Job, TaskQueue

queue = TaskQueue(os.environ.get("TASKQ_BENCH_QUEUE", "bench"))
APP = "benchmarks.app:queue"


@cache
def _journal(name: str) -> Journal:
    return Journal(Path(os.environ["TASKQ_BENCH_FOLDER"]), name)


@queue.process("nap")
async def nap(job: Job) -> None:
    """Sleeps for ``seconds``; notes its number and the time before and after."""
    number = float(job.payload["number"])
    _journal("began").pair(number, time.time())
    await asyncio.sleep(float(job.payload["seconds"]))
    _journal("ended").pair(number, time.time())
