"""A slot's thread: plain functions run here, a few short ones in a row, with no future per job."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import Any

from taskq_core.claimed import Job
from taskq_core.clock import precise as clock

_SPAN_S = 0.002
_MOST = 64
_SMOOTH = 0.2
_SHORT_S = 0.0005
_LONG_S = 0.005
_LOOK_EVERY = 100
"""Batches between two looks at a thread alone: they cost a hundredth of what more threads may bring."""

Outcome = tuple[Job, Any, BaseException | None, float, float]


class Thrift:
    """How many short jobs a thread gets at once, and how many threads are worth having. Pure.

    Short functions that compute, or that call the system often, fight for the interpreter's lock: four
    threads of them do a quarter of the work of one. Those that wait gain from all threads. What tells
    one from the other is how much of its time a thread computes while no other one is at work, so once
    in a while one works alone for a batch. Jobs over 5 ms always get all threads.
    """

    __slots__ = ("_alone_s", "_since", "_useful", "mean_s", "slots")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.forget()

    def forget(self) -> None:
        """Nothing is known: at the start, and when a job turns out to be long."""
        self.mean_s: float | None = None
        self._alone_s: float | None = None
        self._useful = self.slots
        self._since = _LOOK_EVERY

    def observe(self, jobs: int, wall_s: float, cpu_s: float, *, alone: bool) -> None:
        """Takes note of a batch: jobs, its time, what it computed, whether no other was at work."""
        mean = wall_s / jobs
        self.mean_s = mean if self.mean_s is None else self.mean_s + _SMOOTH * (mean - self.mean_s)
        self._since += 1
        if alone:
            self._since = 0
            self._alone_s = mean
            self._useful = max(1, min(self.slots, round(wall_s / max(cpu_s, 1e-6))))

    @property
    def threads(self) -> int:
        """How many threads are worth having now."""
        if self.mean_s is None or self.mean_s > _LONG_S:
            return self.slots
        if self._since >= _LOOK_EVERY:
            return 1
        return self.slots if self._alone_s is None or self._alone_s > _SHORT_S else self._useful

    def batch(self, waiting: int) -> int:
        """How many jobs to hand to a thread at once: 2 ms of work by the run times seen, one when unknown."""
        if self.mean_s is None:
            return 1
        fair = waiting // self.threads + 1
        return max(1, min(_MOST, fair, int(_SPAN_S / max(self.mean_s, 1e-6))))


class Lane:
    """One thread, made at its first job, that outlives its jobs.

    The event loop appends to ``_jobs`` and reads ``_outcomes``; the thread does the reverse. Both are
    deques, whose ends are safe to use from two threads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.current: Job | None = None
        self.started = 0.0
        self.cpu_s = 0.0
        self._loop = loop
        self._orders: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._jobs: deque[Job] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._abandoned = False
        # a daemon: a handler that never returns must not keep a process that was told to stop
        threading.Thread(target=self._work, name="taskq-lane", daemon=True).start()

    async def run(self, jobs: list[Job]) -> None:
        """Runs jobs one after the other; returns when all are done, or the lane was abandoned."""
        finished: asyncio.Future[None] = self._loop.create_future()
        self._finished = finished
        self._jobs.extend(jobs)
        self._orders.put(finished)
        await finished

    def take_outcomes(self) -> list[Outcome]:
        """What has been finished since the last look."""
        outcomes = []
        while self._outcomes:
            outcomes.append(self._outcomes.popleft())
        return outcomes

    def take_back(self) -> list[Job]:
        """The jobs that have not begun: somebody else may run them."""
        jobs = []
        while True:
            try:
                jobs.append(self._jobs.pop())
            except IndexError:
                return jobs[::-1]

    def abandon(self) -> list[Job]:
        """Leaves the thread to the function that does not return. Returns what has not begun."""
        self._abandoned = True
        self._orders.put(None)
        if not self._finished.done():
            self._finished.set_result(None)
        return self.take_back()

    def close(self) -> None:
        """Ends the thread, after what it is doing."""
        self._orders.put(None)

    def _work(self) -> None:
        while (finished := self._orders.get()) is not None and not self._abandoned:
            cpu = time.thread_time()
            while not self._abandoned and self._step():
                pass
            if not self._abandoned:
                self.cpu_s = time.thread_time() - cpu
                # the loop may be gone: the worker did not wait for a function that took too long
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(_finish, finished)

    def _step(self) -> bool:
        try:
            job = self._jobs.popleft()
        except IndexError:
            return False
        self.started = started = clock()
        self.current = job
        result: Any = None
        error: BaseException | None = None
        try:
            result = job.handler.call(job)
        except BaseException as raised:
            error = raised  # also SystemExit: it ends the job, not the thread
        ended = clock()
        self.current = None
        if not self._abandoned:
            self._outcomes.append((job, result, error, started, ended))
        return True


def _finish(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)
