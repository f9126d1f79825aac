"""A worker process of the chaos cases: `python -m tests.chaos.worker`. It writes down what it runs.

Its server is the one in TASKQ_REDIS_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import random
import secrets
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from taskq_core import Backoff, Job, TaskQueue, WorkerOptions
from taskq_core.command import Command, T
from taskq_core.worker import worker as worker_module
from taskq_core.worker.sleeper import Sleeper
from tests.chaos.ledger import Ledger

LEDGER: list[Ledger] = []
SOON = Backoff(base=timedelta(milliseconds=200), factor=1)
queue = TaskQueue("chaos", retries=5, backoff=SOON)


def note(kind: str, job: Job, run: str) -> None:
    """Writes down what a run did."""
    LEDGER[0].note(kind, job.payload["n"], job=job.id, run=run, attempt=job.attempt)


@queue.process("nap")
async def nap(job: Job) -> None:
    """Sleeps in the event loop."""
    run = secrets.token_hex(6)
    note("start", job, run)
    await asyncio.sleep(job.payload.get("s", 0))
    note("finish", job, run)


@queue.process("paced")
async def paced(job: Job) -> None:
    """As `nap`, under another name."""
    await nap(job)


@queue.process("link")
async def link(job: Job) -> int:
    """A job of a chain: its result is its number, and so is what it finds of the one before it."""
    if job.payload.get("before") not in (None, job.previous):
        LEDGER[0].note("torn", job.payload["n"], job=job.id)
    await nap(job)
    return int(job.payload["n"])


@queue.process("noted")
async def noted(job: Job) -> None:
    """Says how far it is, line by line."""
    run = secrets.token_hex(6)
    note("start", job, run)
    for line in range(job.payload["lines"]):
        job.log(f"line {line}")
        await asyncio.sleep(job.payload.get("s", 0))
    job.progress(1)
    note("finish", job, run)


@queue.process("block")
async def block(job: Job) -> None:
    """Blocks the event loop."""
    run = secrets.token_hex(6)
    note("start", job, run)
    time.sleep(job.payload["s"])  # noqa: ASYNC251 - on purpose
    note("finish", job, run)


@queue.process("thread")
def thread(job: Job) -> None:
    """A plain function."""
    run = secrets.token_hex(6)
    note("start", job, run)
    time.sleep(job.payload.get("s", 0))
    note("finish", job, run)


@queue.process("die")
async def die(job: Job) -> None:
    """Takes its worker with it."""
    note("start", job, secrets.token_hex(6))
    if job.payload.get("how") == "segfault":
        ctypes.string_at(0)
    os._exit(9)


@queue.process("raise", retries=0)
async def fail(job: Job) -> None:
    """Raises at once, and is dead then."""
    run = secrets.token_hex(6)
    note("start", job, run)
    note("raised", job, run)
    raise ValueError(f"number {job.payload['n']}")


@queue.process("beat")
async def beat(job: Job) -> None:
    """The job of a schedule: its number is the second it was made for."""
    run = secrets.token_hex(6)
    second = -1 if job.due is None else int(job.due.timestamp())
    for kind in ("start", "finish"):
        LEDGER[0].note(kind, second, job=job.id, run=run, attempt=job.attempt)


@queue.process("nothing")
async def nothing(job: Job) -> None:
    """Does nothing, and writes nothing down."""


@queue.process("stubborn", timeout=timedelta(seconds=0.5))
async def stubborn(job: Job) -> None:
    """Ignores its cancellation."""
    note("start", job, secrets.token_hex(6))
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


class Restless(Sleeper):
    """Sleeps that are interrupted at random, with the claim behind them."""

    longest_s = 0.0

    async def sleep_then(self, wakes: Sequence[str], seconds: float, command: Command[T]) -> T | None:
        """As `Sleeper.sleep_then`; None when it was cut short."""
        pause = random.uniform(0, self.longest_s)
        cut = asyncio.get_running_loop().call_later(pause, self.interrupt)
        try:
            found = await super().sleep_then(wakes, seconds, command)
        finally:
            cut.cancel()
        if found is None:
            LEDGER[0].note("cut", -1)
        return found


def main() -> None:
    """Serves the queue until a signal."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--folder", required=True, type=Path)
    flags.add_argument("--name", required=True)
    flags.add_argument("--lease", type=float, default=2.0)
    flags.add_argument("--grace", type=float, default=5.0)
    flags.add_argument("--slots", type=int, default=8)
    flags.add_argument("--restless", type=float, help="interrupt sleeps after up to so many seconds")
    given = flags.parse_args()
    if given.restless:
        Restless.longest_s = given.restless
        setattr(worker_module, "Sleeper", Restless)  # noqa: B010 - for this process alone
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    LEDGER.append(Ledger(given.folder, given.name))
    queue.run(
        WorkerOptions(
            concurrency=given.slots,
            lease=timedelta(seconds=given.lease),
            grace=timedelta(seconds=given.grace),
        )
    )


if __name__ == "__main__":
    main()
