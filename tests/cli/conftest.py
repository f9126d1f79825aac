"""What the tests of the command line share: a command bound to a server, and jobs in each state."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from taskq_core import Client, Job, TaskQueue, WorkerOptions
from tests.conftest import Taskq
from tests.servers import Server

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
