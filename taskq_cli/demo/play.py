"""The demo from start to end: workers, load, a worker that is killed, and the sums at the end."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from taskq_cli.children import Child, child_environment, end_child, last_words, start_child
from taskq_cli.demo.app import NAMESPACE, QUEUES, UNSERVED
from taskq_cli.demo.figures import Figures, Meter, left, total
from taskq_cli.demo.load import Load
from taskq_cli.demo.screen import Screen
from taskq_cli.interrupts import whole_step
from taskq_core import Client, Refused, TaskqError

NAMES: Final = tuple(queue.name for queue in QUEUES)
WORKERS: Final = 2
LEASE_S: Final = 2
FRAME_S: Final = 0.2
LOAD_SHARE: Final = 0.85
KILL_AT: Final = 0.4
"""Both of the whole time."""
KILL_EVERY_S: Final = 45.0
"""In a demo that is held."""
FINISH_S: Final = 30.0
"""The longest that the rest of the work may take after the load has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sums. ``lost``: enqueued, and neither done nor dead nor still there."""

    enqueued: int
    done: int
    dead: int
    failed: int
    retried: int
    recovered: int
    unfinished: int

    @property
    def lost(self) -> int:
        """Jobs that are nowhere any more; below zero, jobs that came from nowhere."""
        return self.enqueued - self.done - self.dead - self.unfinished


class Play:
    """One showing of the demo."""

    def __init__(self, client: Client, url: str, screen: Screen, folder: Path, *, held: bool = False) -> None:
        self._screen = screen
        self._meter = Meter(client, NAMES)
        self._environment = child_environment(url, NAMESPACE)
        self._stderr = folder / "stderr"
        self._workers: list[Child] = []
        self._load = Load(url, screen.tell, troubled=held)
        self._killed_at: float | None = None
        self._recovered = 0

    def run(self, seconds: float) -> Outcome:
        """Shows it for about so many seconds: load for most of them, then what is left of the work."""
        for _ in range(WORKERS):
            self._start_worker()
        self._load.start()
        start = time.monotonic()
        while (gone := time.monotonic() - start) < seconds * LOAD_SHARE:
            if self._killed_at is None and gone > seconds * KILL_AT:
                self._kill_worker()
            self._frame(gone / seconds, "load")
        self._load.stop()
        self._screen.tell("no more load; the workers finish what is left")
        figures = self._finish()
        return self._outcome(figures)

    def hold(self) -> NoReturn:
        """Goes on, with everything that can be wrong, until it is interrupted."""
        for _ in range(WORKERS):
            self._start_worker()
        self._load.start()
        due = time.monotonic() + KILL_EVERY_S
        while True:
            if time.monotonic() > due:
                due += KILL_EVERY_S
                self._kill_worker()
            self._frame(0.0, "until ctrl-c")

    def close(self) -> None:
        """Ends load and workers."""
        self._load.stop()
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            end_child(worker)

    def _finish(self) -> list[Figures]:
        end = time.monotonic() + FINISH_S
        while left(figures := self._frame(1.0, "finishing")) and time.monotonic() < end:
            pass
        self._screen.show(figures, self._pids, 1.0, "done")
        return figures

    def _frame(self, share: float, phase: str) -> list[Figures]:
        due = time.monotonic() + FRAME_S
        if self._load.error is not None:
            raise self._load.error
        self._check_workers()
        figures = self._meter.read()
        self._tell_of_recovery(total(figures, "recovered"))
        self._screen.show(figures, self._pids, share, phase)
        time.sleep(max(0.0, due - time.monotonic()))
        return figures

    @property
    def _pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def _start_worker(self) -> None:
        words = ["taskq_cli", "worker", "taskq_cli.demo.app", "--lease", f"{LEASE_S}s", "--quiet"]
        with whole_step():  # a signal in the middle would leave a worker that nobody knows of
            worker = start_child(words, self._environment, self._stderr)
            self._workers.append(worker)
        self._screen.tell(f"worker {worker.pid} starts")

    def _kill_worker(self) -> None:
        victim = self._workers.pop(0)
        victim.kill()
        victim.wait()
        self._killed_at = time.monotonic()
        self._screen.tell(f"worker {victim.pid} is killed: kill -9, in the middle of its jobs")
        self._start_worker()

    def _tell_of_recovery(self, recovered: int) -> None:
        if recovered and not self._recovered and self._killed_at is not None:
            after = time.monotonic() - self._killed_at
            self._screen.tell(f"its jobs are taken over, {after:.1f} s later (its lease: {LEASE_S} s)")
        self._recovered = recovered

    def _check_workers(self) -> None:
        for worker in self._workers:
            if worker.poll() is not None:
                raise TaskqError(f"a worker ended with {worker.returncode}: {last_words(self._stderr)}")

    def _outcome(self, figures: Sequence[Figures]) -> Outcome:
        return Outcome(
            enqueued=self._load.enqueued,
            done=total(figures, "done"),
            dead=total(figures, "dead"),
            failed=total(figures, "failed"),
            retried=total(figures, "retried"),
            recovered=total(figures, "recovered"),
            unfinished=left(figures),
        )


@contextmanager
def stage(url: str, screen: Screen, *, held: bool = False) -> Iterator[Play]:
    """A demo on empty queues of its own; everything is ended and removed after it. Raises: Refused."""
    folder = Path(tempfile.mkdtemp(prefix="taskq-demo-"))
    try:
        with Client(url, namespace=NAMESPACE) as client:
            _check_alone(client)
            _clear(client)
            play = Play(client, url, screen, folder, held=held)
            try:
                yield play
            finally:
                play.close()
                with contextlib.suppress(TaskqError):
                    _clear(client)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_alone(client: Client) -> None:
    for snapshot in client.snapshots(NAMES):
        # a lease that is over belongs to a worker that was killed
        live = [row for row in client.workers(snapshot.queue) if row.expires_at > snapshot.at]
        if live:
            pids = ", ".join(f"{row.pid} on {row.host}" for row in live)
            raise Refused(
                "a demo runs on this server already", hint=f"Wait until it has ended. Its workers: {pids}"
            )


def _clear(client: Client) -> None:
    for name in (*NAMES, UNSERVED):
        client.remove(name)
