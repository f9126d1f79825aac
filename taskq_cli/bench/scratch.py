"""Where a benchmark works: queues of its own, a folder for records, processes; all removed at the end."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from taskq_cli.children import Child, child_environment, end_child, last_words, start_child
from taskq_cli.interrupts import whole_step
from taskq_core import Client, TaskqError

NAMESPACE: Final = "taskq-bench"
APP: Final = "taskq_cli.bench.app:queue"
STALE_S: Final = 3600
"""Queues of runs that began longer ago were left by one that was killed."""
STILL_S: Final = 30.0
"""How long nothing may move before a measure gives up."""


class BenchFailed(TaskqError):
    """A measure could not be taken."""


class Scratch:
    """The scratch place of one run. As a context manager it removes everything at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = Client(url, namespace=NAMESPACE)
        self._run = f"{int(time.time())}-{secrets.token_hex(3)}"
        self._queues: list[str] = []

    def __enter__(self) -> Self:
        self._remove_stale()
        self._folder = Path(tempfile.mkdtemp(prefix="taskq-bench-"))
        return self

    def __exit__(self, *_: object) -> None:
        # an interrupted run must not be interrupted once more while it cleans up
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(TaskqError):
                for queue in self._queues:
                    self.client.remove(queue)
            self.client.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def place(self, name: str) -> Iterator[Place]:
        """A queue and a folder for one measure; both are removed after it."""
        queue = f"{self._run}-{name}"
        folder = self._folder / name
        folder.mkdir()
        self._queues.append(queue)
        yield Place(self, queue, folder)
        self.client.remove(queue)
        self._queues.remove(queue)

    def _remove_stale(self) -> None:
        for queue in self.client.queues():
            began = queue.partition("-")[0]
            if began.isdecimal() and time.time() - int(began) > STALE_S:
                self.client.remove(queue)


class Place:
    """One measure's queue and folder, and the processes that work there."""

    def __init__(self, scratch: Scratch, queue: str, folder: Path) -> None:
        self.client = scratch.client
        self.url = scratch.url
        self.queue = queue
        self.folder = folder
        self._stderr = folder / "stderr"

    @contextmanager
    def worker(self, *flags: str, plain: bool = False, app: str = APP) -> Iterator[Child]:
        """A `taskq worker` of this queue, as a process of its own; ended with the block."""
        words = ["taskq_cli", "worker", app, "--quiet", *flags]
        with self.process(words, plain=plain) as process:
            yield process

    def produce(self, *words: str) -> contextlib.AbstractContextManager[Child]:
        """A producer process: see `taskq_cli.bench.producer`."""
        return self.process(["taskq_cli.bench.producer", *words])

    @contextmanager
    def process(self, words: Sequence[str], *, plain: bool = False) -> Iterator[Child]:
        """`python -m` with these words, on this queue."""
        environment = child_environment(
            self.url,
            NAMESPACE,
            TASKQ_BENCH_QUEUE=self.queue,
            TASKQ_BENCH_FOLDER=str(self.folder),
            TASKQ_BENCH_PLAIN="1" if plain else "",
        )
        child: Child | None = None
        try:
            with whole_step():  # a signal in the middle would leave a child that nobody knows of
                child = start_child(words, environment, self._stderr)
            yield child
        finally:
            if child is not None:
                end_child(child)

    def finish(self, process: Child, what: str, moved: Callable[[], object]) -> None:
        """Waits for a process to end well. Raises: BenchFailed, also when nothing moves any more."""
        self.until(lambda: process.poll() is not None, what, moved)
        if process.returncode:
            raise BenchFailed(f"{what} ended with {process.returncode}: {last_words(self._stderr)}")

    def check(self, process: Child, what: str) -> None:
        """Raises: BenchFailed when a process that is to go on has ended."""
        if process.poll() is not None:
            raise BenchFailed(f"{what} ended with {process.returncode}: {last_words(self._stderr)}")

    def until(self, reached: Callable[[], bool], what: str, moved: Callable[[], object]) -> None:
        """Waits for something while ``moved`` goes on changing. Raises: BenchFailed."""
        last, since = moved(), time.monotonic()
        while not reached():
            time.sleep(0.005)
            if (now := moved()) != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_S:
                raise BenchFailed(f"{what}: nothing moved for {STILL_S:g} s: {last_words(self._stderr)}")
