"""A queue of programs as handlers: scripts in a folder, jobs for them, workers that run them."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from taskq_core import Backoff, Client, JobDetail, JobOptions, JobRef, State
from tests.conftest import Spawn, Taskq
from tests.processes import Program, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

KEPT = JobOptions(keep=timedelta(hours=1), retries=0)
ONCE = JobOptions(retries=0)
LATER = JobOptions(retries=1, backoff=Backoff(base=timedelta(hours=1)))
"""A failed attempt waits long enough to be looked at."""


class Shop:
    """The queue ``images``, programs in a folder, and workers that run them."""

    def __init__(self, server: Server, folder: Path, taskq: Taskq, spawn: Spawn) -> None:
        self.server = server
        self.folder = folder
        self.client = Client(server.url)
        self._taskq = taskq
        self._spawn = spawn

    def script(self, text: str, name: str = "handler.sh", first: str = "#!/bin/sh") -> str:
        """A program that may be executed; its name as it is given to --exec."""
        file = self.folder / name
        file.write_text(f"{first}\n{text}\n")
        file.chmod(0o755)
        return f"./{name}"

    def add(self, payload: Any = None, options: JobOptions = KEPT) -> JobRef:
        """A job of the task ``t``."""
        return self.client.enqueue("images", "t", payload or {}, options).ref

    def work(self, command: str, *flags: str) -> subprocess.CompletedProcess[str]:
        """Runs the program for all that waits."""
        return self._taskq(
            "worker", "-q", "images", "--burst", "--exec", f"t={command}", *flags, url=self.server.url
        )

    def start(self, command: str, *flags: str) -> Program:
        """A worker in the background."""
        argv = [*taskq_command(), "worker", "-q", "images", "--exec", f"t={command}", *flags]
        return self._spawn(argv, self.server.url)

    def run(self, command: str, payload: Any = None, options: JobOptions = KEPT) -> JobDetail:
        """What one run of the program made of a job."""
        ref = self.add(payload, options)
        assert self.work(command).returncode == 0
        return self.client.inspect(ref)

    def pids(self, count: int) -> list[int]:
        """The process ids that a script wrote to the file ``pids``, once there are that many."""
        file = self.folder / "pids"
        wait_until(lambda: file.exists() and len(file.read_text().split()) >= count, 20, "pids")
        return [int(word) for word in file.read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_dead(shop: Shop, ref: JobRef) -> JobDetail:
    """The job, once it is dead."""
    wait_until(lambda: shop.client.inspect(ref).state is State.DEAD, 20)
    return shop.client.inspect(ref)


def result(job: JobDetail) -> Any:
    assert job.state is State.DONE, job.error
    return json.loads(job.result or b"")
