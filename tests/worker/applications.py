"""Applications for workers that are processes, and how such workers are started."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.conftest import Spawn
from tests.processes import Program

APP = """
import asyncio, os, time
from pathlib import Path
from taskq_core import Backoff, Job, TaskQueue

queue = TaskQueue("q", concurrency=8, retries=1)
NOTES = Path("notes")

def note(what, job):
    line = f"{what} {job.id} {job.attempt} {os.getpid()}\\n"
    file = os.open(NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(file, line.encode())
    os.close(file)

@queue.process("t")
async def waits(job: Job) -> None:
    note("start", job)
    await asyncio.sleep(job.payload.get("s", 0.05))
    note("end", job)

@queue.process("blocks")
async def blocks(job: Job) -> None:
    note("start", job)
    time.sleep(job.payload["s"])
    note("end", job)

@queue.process("dies")
def dies(job: Job) -> None:
    note("start", job)
    os._exit(7)
"""
RUN = """
import sys
from datetime import timedelta
from taskq_core import WorkerJob, WorkerOptions, run_workers

lease, grace, processes = sys.argv[1:]
seconds = lambda text: timedelta(seconds=float(text))
job = WorkerJob(("app:queue",), options=WorkerOptions(lease=seconds(lease), grace=seconds(grace)))
raise SystemExit(run_workers(job, int(processes)))
"""


class Site:
    """A folder with the application above, and its workers."""

    def __init__(self, folder: Path, spawn: Spawn, url: str) -> None:
        self._folder, self._spawn, self._url = folder, spawn, url
        (folder / "app.py").write_text(APP)

    def start(self, *, lease: float = 2.0, grace: float = 5.0, processes: int = 1) -> Program:
        """A worker, or a supervisor of several."""
        argv = [sys.executable, "-c", RUN, str(lease), str(grace), str(processes)]
        return self._spawn(argv, url=self._url)

    def notes(self, what: str) -> Counter[str]:
        """How often each job started or ended."""
        return Counter(words[1] for words in self._words() if words[0] == what)

    def pids(self, what: str) -> dict[str, int]:
        """The process in which each job last started or ended."""
        return {words[1]: int(words[3]) for words in self._words() if words[0] == what}

    def _words(self) -> list[list[str]]:
        notes = self._folder / "notes"
        return [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []
