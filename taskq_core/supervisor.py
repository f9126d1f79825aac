"""Runs workers: one in this process, or several processes under a supervisor that starts them anew."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import TYPE_CHECKING

from taskq_core.apps import load_queues
from taskq_core.clock import monotonic
from taskq_core.crew import Crew, Teller
from taskq_core.errors import TaskqError
from taskq_core.queue import make_worker
from taskq_core.worker.loop import run
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.signals import run_until_signal
from taskq_core.worker.worker import Worker

if TYPE_CHECKING:
    from taskq_core.metrics.endpoint import Endpoint

log = logging.getLogger("taskq.supervisor")
_STEADY_S = 10.0
_FORCE_S = 0.5
"""After a second signal: how long a worker may take to end at once by itself."""


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What each process is to do: which apps and queues, how, and what to set up first (importable).

    ``programs``: tasks that are run by an executable, as `load_queues` takes them.
    """

    apps: tuple[str, ...]
    queues: tuple[str, ...] = ()
    options: WorkerOptions = field(default_factory=WorkerOptions)
    prepare: Callable[[], None] | None = None
    programs: tuple[tuple[str, tuple[str, ...]], ...] = ()


def run_workers(job: WorkerJob, processes: int = 1) -> int:
    """Works until a signal, or until the workers have come to an end of their own.

    Returns 0, or 128 + the signal. Raises: UsageError, before anything is started.
    """
    queues = load_queues(job.apps, job.queues, job.programs)
    if processes == 1:
        return _exit_code(run(run_until_signal(make_worker(queues, job.options))))
    return Supervisor(job, processes, queues[0].namespace).run()


def _exit_code(number: int) -> int:
    return 128 + number if number else 0


def _child(job: WorkerJob, pipe: Connection | None = None) -> None:
    # Ctrl-C reaches the whole process group: the supervisor alone says when to stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # it was blocked until now
    threading.Thread(target=_follow_parent, name="taskq-parent", daemon=True).start()
    if job.prepare is not None:
        job.prepare()
    try:
        queues = load_queues(job.apps, job.queues, job.programs)
        worker = make_worker(queues, job.options)
        with _telling(worker, pipe):
            code = _exit_code(run(run_until_signal(worker, (signal.SIGTERM,))))
        raise SystemExit(code)
    except TaskqError as error:
        log.error("%s", error)
        raise SystemExit(2) from None


@contextlib.contextmanager
def _telling(worker: Worker, pipe: Connection | None) -> Iterator[None]:
    """The supervisor is told what the worker counts, also at its very end."""
    if pipe is None or worker.vitals is None:
        yield
        return
    teller = Teller(worker.vitals, pipe)
    teller.start()
    yield
    teller.tell()


def _follow_parent() -> None:
    """Stops this process in good order when its supervisor was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class Supervisor:
    """Keeps a number of worker processes running, and passes signals on. Their metrics are served by it."""

    def __init__(self, job: WorkerJob, processes: int, namespace: str) -> None:
        # a child measures, and tells us
        self._job = replace(job, options=replace(job.options, metrics_apart=True))
        self._crew = Crew(namespace, processes) if job.options.metrics_port is not None else None
        self._context = multiprocessing.get_context("spawn")
        self._children: list[tuple[SpawnProcess, float]] = []
        self._due: list[float] = [0.0] * processes
        """When a process is to be started, for each one that is missing."""
        self._signal = 0
        self._force_at = 0.0
        self._pause = 0.5

    def run(self) -> int:
        """Until all children have ended. Returns 0, or 128 + the signal. Raises: UsageError."""
        endpoint = self._open_endpoint()
        try:
            return self._run()
        finally:
            if endpoint is not None:
                endpoint.close()

    def _open_endpoint(self) -> Endpoint | None:
        options = self._job.options
        if self._crew is None or options.metrics_port is None:
            return None
        from taskq_core.metrics.endpoint import Endpoint  # here: most workers have none

        return Endpoint(options.metrics_host, options.metrics_port, self._crew)

    def _run(self) -> int:
        before = {n: signal.signal(n, self._on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            while self._children or (self._due and not self._signal):
                self._start_due()
                self._look()
                self._force()
                if self._crew is not None:
                    self._crew.turn()
                time.sleep(0.05)
        finally:
            for process, _ in self._children:
                process.kill()
            for number, handler in before.items():
                signal.signal(number, handler)
        return _exit_code(self._signal)

    def _start_due(self) -> None:
        now = monotonic()
        for due in [due for due in self._due if due <= now]:
            if self._signal:
                return
            self._due.remove(due)
            ours, theirs = self._context.Pipe() if self._crew is not None else (None, None)
            process = self._context.Process(target=_child, args=(self._job, theirs), name="taskq-worker")
            # Ctrl-C reaches a child that is still starting too; a signal that is blocked is not lost here
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            self._children.append((process, now))
            if self._signal:
                process.terminate()  # a signal that came meanwhile did not find it among the children
            if self._crew is not None and ours is not None and theirs is not None:
                theirs.close()  # so that its end is seen here when the child has ended
                self._crew.add(ours)

    def _look(self) -> None:
        for row in list(self._children):
            process, started = row
            if process.exitcode is None:
                continue
            self._children.remove(row)
            if process.exitcode and not self._signal:
                self._replace(process, started)

    def _force(self) -> None:
        if self._force_at and monotonic() > self._force_at:
            for process, _ in self._children:
                process.kill()

    def _replace(self, process: SpawnProcess, started: float) -> None:
        steady = monotonic() - started > _STEADY_S
        self._pause = 0.5 if steady else min(30.0, self._pause * 2)
        log.error(
            "worker process %s ended with %s; another in %.1f s", process.pid, process.exitcode, self._pause
        )
        self._due.append(monotonic() + self._pause)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._signal and not self._force_at:
            # a second SIGTERM ends a worker at once, and its programs with it; SIGKILL would leave those
            self._force_at = monotonic() + _FORCE_S
        self._signal = number
        if self._crew is not None:
            self._crew.stopping = True
        for process, _started in self._children:
            if process.pid is not None and process.exitcode is None:
                process.terminate()
