"""A server with an administrator, and a tenant with a user for each role, by `taskq tenant acl --apply`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import redis

from taskq_core import Client, TenantRole
from tests.cli.many import Many
from tests.processes import Program, environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

NAMESPACE = "acme"
OTHERS = "other"
ADMIN, SECRET = "adm1n-secret", "t3nant-secret"
MINE, THEIRS = f"taskq:{{{NAMESPACE}/emails}}:", f"taskq:{{{OTHERS}/emails}}:"
APP = """
import asyncio, os
from datetime import timedelta
from taskq_core import Backoff, Job, TaskQueue
queue = TaskQueue("emails", backoff=Backoff(base=timedelta(hours=1), cap=timedelta(hours=2)))
@queue.process("ok")
def ok(job: Job):
    job.progress(1, "all of it")
    job.log("done")
    return {"n": 1}
@queue.process("bad")
def bad(job: Job): raise OSError("no answer")
@queue.process("slow")
async def slow(job: Job): await asyncio.sleep(job.payload.get("s", 60))
@queue.process("crash")
def crash(job: Job):
    if job.attempt == 1: os._exit(9)
"""


class Tenancy:
    """Ends with `close`. ``allowed``: what the users may do, by role, as the command printed it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.folder = folder
        (folder / "app.py").write_text(APP)
        (folder / "pass").write_text(SECRET + "\n")
        # what a server forbids to everybody anyway is allowed here: the rights alone have to hold
        lax = ("--enable-debug-command", "yes", "--enable-module-command", "yes")
        self.server = Server(kind, "--requirepass", ADMIN, *lax, aof=True)
        self.server._raw = redis.Redis(unix_socket_path=str(self.server.socket), password=ADMIN)
        self.server.start()
        self.raw: Any = self.server.raw
        self.many = Many(folder, environment(folder, TERM="dumb", COLUMNS="200", LINES="50"))
        self.admin = f"redis://:{ADMIN}@127.0.0.1:{self.server.port}"
        self.workers: list[Program] = []
        self.allowed = {role: self._user(role) for role in TenantRole}
        with Client(self.admin, namespace=OTHERS) as client:
            client.enqueue("emails", "ok", {"secret": "theirs"})

    def _user(self, role: TenantRole) -> set[str]:
        words = ("--role", role, "--password-file", "pass", "--apply", "-o", "ndjson", "--url", self.admin)
        done = self.many.run("tenant", "acl", NAMESPACE, *words)
        assert done.returncode == 0, done.stderr
        rules = " ".join(json.loads(done.stdout)["rules"])
        return {word.strip("+)") for word in rules.split() if word.startswith("+")}

    def url(self, role: str) -> str:
        """Where a user of a role connects."""
        name = f"taskq-{NAMESPACE}" + ("" if role == "all" else f"-{role}")
        return f"redis://{name}:{SECRET}@127.0.0.1:{self.server.port}"

    def run(self, role: str, *words: str, stdin: str = "", seconds: float = 0) -> str:
        """What a command of that user prints."""
        done = self.attempt(role, *words, stdin=stdin, seconds=seconds)
        assert done.returncode in ((130,) if seconds else (0,)), (words, done.stdout, done.stderr)
        return done.stdout

    def attempt(
        self, role: str, *words: str, stdin: str = "", seconds: float = 0
    ) -> subprocess.CompletedProcess[str]:
        """A command of that user."""
        place = ("--url", self.url(role), "--namespace", NAMESPACE)
        return self.many.run(*words, *place, stdin=stdin, seconds=seconds)

    def worker(self) -> Program:
        """One more worker, with the rights of one."""
        argv = [*taskq_command(), "worker", "app:queue", "--namespace", NAMESPACE, "--lease", "1s", "-c", "6"]
        env = environment(self.folder, self.url("worker"))
        self.workers.append(Program(argv, env=env, folder=self.folder, name=f"worker-{len(self.workers)}"))
        return self.workers[-1]

    def client(self) -> Client:
        """The tenant as an operator."""
        return Client(self.url("all"), namespace=NAMESPACE, deadline=5)

    def login(self, role: str, protocol: int = 2) -> redis.Redis:
        """A plain connection with the rights of a role."""
        return redis.Redis.from_url(self.url(role), protocol=protocol)

    def totals(self, client: Client) -> dict[str, int]:
        """What the queue has counted."""
        return dict(client.snapshot("emails").totals)

    def denied(self, role: str) -> set[str]:
        """What the server refused a user of a role."""
        name = self.url(role).split("//")[1].partition(":")[0].encode()
        return {
            row[b"object"].decode().lower() for row in self.raw.execute_command("ACL", "LOG", 1000)
            if row[b"username"] == name
        }  # fmt: skip

    def close(self) -> None:
        """Ends all."""
        for worker in self.workers:
            worker.kill()
        self.many.close()
        self.server.remove()


def ready(client: Client, count: int) -> None:
    """Returns when so many workers are there."""
    wait_until(lambda: len(client.workers("emails")) == count, 30, f"{count} workers")
