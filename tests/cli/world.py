"""A small world for examples: a server, a worker with a few tasks, jobs in each state, and some files.

What an example names by way of illustration, such as `emails/n1763951707123-0`, is replaced by what is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from taskq_core import Client, JobOptions, JobRef, State
from tests.processes import Program, environment, run_taskq, taskq_command, with_command
from tests.servers import Server
from tests.waiting import wait_until

APP = """
import os, time
from datetime import timedelta
from taskq_core import Backoff, Job, TaskQueue

LATER = Backoff(base=timedelta(hours=1), cap=timedelta(hours=2))

def send(job: Job) -> None:
    if isinstance(job.payload, dict) and "fail" in job.payload:
        raise TimeoutError(job.payload["fail"])

def fine(job: Job):
    job.progress(1)
    job.log("3 rows")
    return {"rows": [1, 2, 3]}

queues = [TaskQueue(name, backoff=LATER) for name in ("emails", "reports", "images", "mail-out", "default")]
for queue in queues:
    for task in ("send-email", "send-newsletter", "charge"):
        queue.process(task)(send)
    for task in ("report", "resize", "import", "backup"):
        queue.process(task)(fine)
emails, reports, images, mail_out, default = queues
queue = emails
"""
FILES = {
    "app.py": APP,
    "jobs.py": APP,
    "job.json": '{"to": "user@example.com"}',
    "orders.json": '{"order": 1}\n{"order": 2}\n',
    "photos/a.jpg": "",
    "photos/b.jpg": "",
    "resize.sh": "#!/bin/sh\ncat >/dev/null\n",
    "crop.js": "process.stdin.resume()\n",
    "acme.pass": "a-long-and-random-password\n",
    ".zfunc/x": "",
    ".config/fish/completions/x": "",
    ".local/share/bash-completion/completions/x": "",
}
ID = re.compile(r"\b[a-z0-9-]+/[chnls]1763951707\d+-\d+")
FINGERPRINT = re.compile(r"\b9f86d08[0-9a-f]*")
WORKER_ID = "web-3:4711"


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is there for one example: a job in each state it may name."""

    dead: str
    scheduled: str
    done: str


class World:
    """Lives in a folder, which is also HOME; everything in it ends with `close`.

    ``forks=False``: lines of shell start the real program, where that is what is tried.
    """

    def __init__(self, folder: Path, *, forks: bool = True) -> None:
        self.folder = folder
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        (folder / "resize.sh").chmod(0o755)
        # on disk, so that `taskq doctor` has nothing to say
        self.server = Server("valkey", "--appendonly", "yes", "--appendfsync", "everysec").start()
        plain = environment(folder, self.server.url)
        self.env = with_command(plain, folder / "bin")
        self._forking = with_command(plain, folder / "forks", forks=forks)
        self.client = Client(self.server.url)
        self._worker: Program | None = None
        self._other: Server | None = None

    @property
    def other(self) -> Server:
        """A second server, for what goes from one to the other."""
        if self._other is None:
            self._other = Server("valkey").start()
        return self._other

    def close(self) -> None:
        """Ends the worker, the server, and the local server that an example may have started."""
        if self._worker is not None:
            self._worker.kill()
        self.client.close()
        self.server.remove()
        if self._other is not None:
            self._other.remove()
        run_taskq(["server", "stop", "--quiet"], env=self.env, cwd=self.folder)

    def start_worker(self) -> None:
        """A worker of two processes that serves all queues of the app, unless one lives."""
        if self._worker is None or not self._worker.running:
            argv = [*taskq_command(), "worker", "app.py", "--processes", "2", "-c", "5"]
            self._worker = Program(argv, env=self.env, folder=self.folder, name="worker")
            wait_until(lambda: len(self.client.workers("emails")) == 2, 30, "two workers")

    def fresh(self) -> Fresh:
        """Queues open and without limits, and new jobs, one in each state."""
        for queue in self.client.queues():
            self.client.resume(queue)
        now = JobOptions(retries=0)
        failing = {"to": "user@example.com", "fail": "no answer from 10.0.0.1 after 30 s"}
        dead = self.client.enqueue("emails", "send-email", failing, now)
        scheduled = self.client.enqueue("emails", "send-newsletter", failing)
        done = self.client.enqueue("reports", "report", {"month": 11}, JobOptions(keep=timedelta(hours=1)))
        self.client.enqueue("mail-out", "send-email", {"to": "user@example.com"})
        self._is(dead.ref, State.DEAD)
        self._is(scheduled.ref, State.SCHEDULED)
        self._is(done.ref, State.DONE)
        return Fresh(str(dead), str(scheduled), str(done))

    def _is(self, ref: JobRef, state: State) -> None:
        def reached() -> bool:
            job = self.client.inspect(ref)
            return job is not None and job.state is state

        wait_until(reached, 20, f"{ref} {state}")

    def fill_in(self, line: str, verb: str) -> str:
        """The example with real ids. ``verb``: the command's name, which says what kind of job it is for."""
        fresh = self.fresh()
        chosen = {"cancel": fresh.scheduled, "bury": fresh.scheduled, "why": fresh.scheduled}
        chosen |= {"wait": fresh.done, "result": fresh.done, "logs": fresh.done}
        line = ID.sub(chosen.get(verb, fresh.dead), line)
        if FINGERPRINT.search(line):
            line = FINGERPRINT.sub(self._fingerprint(chosen.get(verb, fresh.dead)), line)
        if WORKER_ID in line or "--host web-3" in line:
            worker = self.client.workers("emails")[0]
            line = line.replace(WORKER_ID, worker.id).replace("--host web-3", f"--host {worker.host}")
        return line

    def _fingerprint(self, ref: str) -> str:
        record = json.loads(self.run(f"taskq inspect {ref} -o ndjson").stdout)
        return str(record["error"]["fingerprint"])

    def run(self, line: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
        """A line of shell, run by bash with pipefail."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=self._forking | env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run_endless(self, line: str, seconds: float = 1.5) -> subprocess.CompletedProcess[str]:
        """A line that ends only by Ctrl-C, which comes after a while; meanwhile jobs are done and die."""
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", line],
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._be_busy(process, seconds)
        if process.poll() is None:
            # as a terminal does: to all of the pipeline at once
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=40)
        return subprocess.CompletedProcess(line, process.returncode, out, err)

    def run_on_terminal(self, line: str, keys: str, seconds: float = 2.5) -> subprocess.CompletedProcess[str]:
        """A line on a terminal, where keys are typed after a while."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", line],
            env=self.env | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
            cwd=self.folder,
            preexec_fn=lambda: os.login_tty(slave),
        )
        os.close(slave)
        shown: list[bytes] = []
        reader = threading.Thread(target=_read_all, args=(master, shown), daemon=True)
        reader.start()
        self._be_busy(process, seconds)
        os.write(master, keys.encode())
        code = process.wait(30)
        reader.join(5)
        os.close(master)
        text = b"".join(shown).decode(errors="replace")
        return subprocess.CompletedProcess(line, code, text, text[-2000:])

    def _be_busy(self, process: subprocess.Popen[Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            self.client.enqueue("emails", "send-email", {"fail": "no answer"}, JobOptions(retries=0))
            self.client.enqueue("mail-out", "send-email", {})
            time.sleep(0.1)


def _read_all(master: int, shown: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while data := os.read(master, 65536):
            shown.append(data)


INTERRUPTED = 128 + signal.SIGINT
