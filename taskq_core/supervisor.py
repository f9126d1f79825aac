"""Runs workers: one in this process, or several processes under a supervisor that starts them anew."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from types import FrameType

from taskq_core.apps import load_queues
from taskq_core.clock import monotonic
from taskq_core.errors import TaskqError
from taskq_core.queue import make_worker
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.signals import run_until_signal

log = logging.getLogger("taskq.supervisor")
_STEADY_S = 10.0


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What each process is to do: which apps and queues, how, and what to set up first (importable)."""

    apps: tuple[str, ...]
    queues: tuple[str, ...] = ()
    options: WorkerOptions = WorkerOptions()
    prepare: Callable[[], None] | None = None


def run_workers(job: WorkerJob, processes: int = 1) -> int:
    """Works until a signal, or until the workers have come to an end of their own.

    Returns 0, or 128 + the signal. Raises: UsageError, before anything is started.
    """
    queues = load_queues(job.apps, job.queues)
    if processes == 1:
        return _exit_code(asyncio.run(run_until_signal(make_worker(queues, job.options))))
    return Supervisor(job, processes).run()


def _exit_code(number: int) -> int:
    return 128 + number if number else 0


def _child(job: WorkerJob) -> None:
    if job.prepare is not None:
        job.prepare()
    try:
        queues = load_queues(job.apps, job.queues)
        raise SystemExit(_exit_code(asyncio.run(run_until_signal(make_worker(queues, job.options)))))
    except TaskqError as error:
        log.error("%s", error)  # noqa: TRY400 - what went wrong is said in full
        raise SystemExit(2) from None


class Supervisor:
    """Keeps a number of worker processes running, and passes signals on."""

    def __init__(self, job: WorkerJob, processes: int) -> None:
        self._job = job
        self._context = multiprocessing.get_context("spawn")
        self._children: list[tuple[SpawnProcess, float]] = []
        self._count = processes
        self._signal = 0
        self._pause = 0.5

    def run(self) -> int:
        """Until all children have ended. Returns 0, or 128 + the signal."""
        before = {n: signal.signal(n, self._on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            for _ in range(self._count):
                self._start()
            while self._children:
                self._look()
                time.sleep(0.05)
        finally:
            for process, _ in self._children:
                process.kill()
            for number, handler in before.items():
                signal.signal(number, handler)
        return _exit_code(self._signal)

    def _start(self) -> None:
        process = self._context.Process(target=_child, args=(self._job,), name="taskq-worker")
        process.start()
        self._children.append((process, monotonic()))

    def _look(self) -> None:
        for row in list(self._children):
            process, started = row
            if process.exitcode is None:
                continue
            self._children.remove(row)
            if process.exitcode and not self._signal:
                self._replace(process, started)

    def _replace(self, process: SpawnProcess, started: float) -> None:
        steady = monotonic() - started > _STEADY_S
        self._pause = 0.5 if steady else min(30.0, self._pause * 2)
        log.error(
            "worker process %s ended with %s; another in %.1f s", process.pid, process.exitcode, self._pause
        )
        time.sleep(self._pause)
        if not self._signal:
            self._start()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        again = bool(self._signal)
        self._signal = number
        for process, _started in self._children:
            if process.pid is not None and process.exitcode is None:
                if again:
                    process.kill()
                else:
                    process.terminate()
