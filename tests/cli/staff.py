"""Workers for tests of the command line: processes of `taskq worker` with tasks that do as they are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from taskq_core import Client, State, WorkerInfo
from tests.conftest import Spawn
from tests.processes import Program, taskq_command
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.cli.conftest import Shell  # which makes the fixture `staff` of this class

T = TypeVar("T")
APP = """
import asyncio, os, time
from datetime import timedelta
from taskq_core import Backoff, Job, TaskQueue

HOUR = timedelta(hours=1)
emails = TaskQueue("emails", concurrency=2, retries=1, backoff=Backoff(base=HOUR, cap=HOUR))
reports = TaskQueue("reports", concurrency=2)

@emails.process("quick")
@reports.process("quick")
async def quick(job: Job) -> None:
    pass

@emails.process("sleep")
@reports.process("sleep")
async def sleep(job: Job) -> None:
    await asyncio.sleep(job.payload.get("s", 60))

@emails.process("stubborn")
async def stubborn(job: Job) -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

@emails.process("block")
async def block(job: Job) -> None:
    time.sleep(60)

@emails.process("fail")
async def fail(job: Job) -> None:
    raise ValueError("no such user")

@emails.process("die")
async def die(job: Job) -> None:
    os._exit(7)
"""


class Staff:
    """Starts workers and waits until they serve queue `emails`."""

    def __init__(self, sh: Shell, spawn: Spawn, folder: Path) -> None:
        self.sh = sh
        self.folder = folder
        self._spawn = spawn
        self._client = Client(sh.server.url)
        (folder / "app.py").write_text(APP)

    def hire(self, *options: str, app: str = "app:emails", wait: bool = True) -> Program:
        """A worker that serves; ``wait``: once it is registered."""
        before = {worker.id for worker in self.live()}
        program = self._spawn([*taskq_command(), "worker", app, *options], self.sh.server.url)
        if wait:
            wait_until(lambda: {worker.id for worker in self.live()} - before, 30, "a new worker")
        return program

    def live(self) -> list[WorkerInfo]:
        """The live workers of `emails`."""
        return self._client.workers("emails")

    def enqueue(self, task: str, *, count: int = 1, flags: tuple[str, ...] = (), **payload: Any) -> list[str]:
        """References of new jobs of queue `emails`."""
        lines = (json.dumps(payload) + "\n") * count
        return self.sh.ok("enqueue", task, "-", "-q", "emails", *flags, stdin=lines).split()

    def until(self, condition: Callable[[], T], what: str = "") -> T:
        """Waits for something to come true, and returns it."""
        return wait_until(condition, 30, what)

    def running(self, count: int) -> None:
        """Waits until so many jobs run."""
        self.until(lambda: self._client.snapshot("emails").running == count, f"{count} running jobs")

    def states(self, state: State) -> list[str]:
        """References of the jobs of `emails` in a state."""
        return [str(job.ref) for job in self._client.list_jobs("emails", state).jobs]

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()
