"""The application that the measured workers run.

Its queue is named by TASKQ_BENCH_QUEUE; TASKQ_BENCH_PLAIN makes plain functions of its handlers,
which run in threads. Records go to the folder in TASKQ_BENCH_FOLDER.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

from taskq_cli.bench.records import Journal, counter
from taskq_cli.bench.workload import TASK
from taskq_core import Job, TaskQueue

queue = TaskQueue(os.environ.get("TASKQ_BENCH_QUEUE", "bench"))


@cache
def _folder() -> Path:
    return Path(os.environ["TASKQ_BENCH_FOLDER"])


@cache
def _journal(name: str) -> Journal:
    return Journal(_folder(), name)


_hit = cache(lambda: counter(_folder()))


def _stamp(job: Job) -> None:
    _journal("starts").pair(float(job.payload["at"]), time.time())


def _note(job: Job) -> None:
    _journal("ran").lines([job.id])


if os.environ.get("TASKQ_BENCH_PLAIN"):

    @queue.process(TASK)
    def send_email(job: Job) -> None:
        """Counts, and returns."""
        _hit()()

    @queue.process("stamp")
    def stamp(job: Job) -> None:
        """Notes when it was sent and when it started."""
        _stamp(job)

    @queue.process("note")
    def note(job: Job) -> None:
        """Notes its id."""
        _note(job)

else:

    @queue.process(TASK)
    async def send_email_async(job: Job) -> None:
        """Counts, and returns."""
        _hit()()

    @queue.process("stamp")
    async def stamp_async(job: Job) -> None:
        """Notes when it was sent and when it started."""
        _stamp(job)

    @queue.process("note")
    async def note_async(job: Job) -> None:
        """Notes its id."""
        _note(job)
