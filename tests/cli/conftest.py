"""What the tests of the command line share: a command bound to a server, and jobs in each state."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Client, Job, TaskQueue, WorkerOptions
from tests.cli.shop import Shop
from tests.cli.staff import Staff
from tests.conftest import Spawn, Taskq
from tests.processes import Program, environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

Done = subprocess.CompletedProcess[str]


class Shell:
    """`taskq` against one server. What it prints is kept as it is."""

    def __init__(self, taskq: Taskq, server: Server) -> None:
        self._taskq = taskq
        self.server = server

    def __call__(self, *args: str, stdin: str = "", **env: str) -> Done:
        """Runs a command to its end."""
        return self._taskq(*args, url=self.server.url, stdin=stdin, **env)

    def ok(self, *args: str, stdin: str = "") -> str:
        """The stdout of a command that has to succeed."""
        done = self(*args, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def records(self, *args: str) -> list[dict[str, Any]]:
        """The NDJSON records of a command that has to succeed."""
        return [json.loads(line) for line in self.ok(*args, "-o", "ndjson").splitlines()]

    def client(self) -> Client:
        """A client of the same server."""
        return Client(self.server.url)


@pytest.fixture
def sh(taskq: Taskq, any_server: Server) -> Shell:
    """`taskq` against an empty server."""
    return Shell(taskq, any_server)


@pytest.fixture
def staff(sh: Shell, spawn: Spawn, tmp_path: Path) -> Iterator[Staff]:
    """Workers of queue `emails`, as processes, ended with the test."""
    found = Staff(sh, spawn, tmp_path)
    yield found
    found.close()


@pytest.fixture
def shop(any_server: Server, tmp_path: Path, taskq: Taskq, spawn: Spawn) -> Iterator[Shop]:
    """Programs as handlers, on an empty server."""
    shop = Shop(any_server, tmp_path, taskq, spawn)
    yield shop
    shop.client.close()


Bury = Callable[..., list[str]]


@pytest.fixture
def bury(any_server: Server) -> Bury:
    """Makes dead jobs: a real worker runs a handler that raises, without further attempts."""

    def kill(*payloads: dict[str, Any], queue: str = "emails", error: str = "no such user") -> list[str]:
        tasks = TaskQueue(queue, redis=any_server.url, retries=0)

        def fail(job: Job) -> None:
            raise ValueError(error)

        tasks.process("send-email")(fail)
        receipts = tasks.add_many_sync("send-email", payloads or ({"to": "user@example.com"},))
        tasks.run(WorkerOptions(burst=True))
        tasks.close_sync()
        return [str(receipt) for receipt in receipts]

    return kill


EMAILS = """
import asyncio, os
from taskq_core import TaskQueue

emails = TaskQueue("emails", concurrency=10, retries=0)

@emails.process("send")
async def send(job):
    return job.payload

@emails.process("bounce")
async def bounce(job):
    raise ValueError("no such user")

@emails.process("hang")
async def hang(job):
    await asyncio.sleep(60)
"""


@pytest.fixture
def working(sh: Shell, spawn: Spawn, tmp_path: Path) -> Iterator[Program]:
    """A real worker of the queue `emails`, with the tasks `send`, `bounce` (dies) and `hang`."""
    (tmp_path / "app.py").write_text(EMAILS)
    worker = spawn([*taskq_command(), "worker", "app:emails", "--grace", "1s"], sh.server.url)
    with sh.client() as client:
        wait_until(lambda: client.workers("emails"), what="the worker")
    yield worker
    worker.stop()


Bash = Callable[[str], Done]


@pytest.fixture
def bash(sh: Shell, tmp_path: Path, clean_home: Path) -> Bash:
    """Runs a pipeline with `pipefail`."""

    def run(script: str) -> Done:
        head = f'set -o pipefail\ntaskq() {{ {shlex.join(taskq_command())} "$@"; }}\n'
        env = environment(clean_home, sh.server.url)
        return subprocess.run(
            ["bash", "-c", head + script], cwd=tmp_path, env=env, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip

    return run
