"""A slot's thread: plain functions run here, a few short ones in a row, with no future per job."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from queue import SimpleQueue
from typing import Any

from taskq_core.claimed import Job
from taskq_core.clock import precise as clock

_SPAN_S = 0.002
_MOST = 64
_SMOOTH = 0.2

Outcome = tuple[Job, Any, BaseException | None, float, float]


def batch_size(mean_s: float | None, waiting: int, slots: int) -> int:
    """How many jobs to hand to a thread at once: 2 ms of work by the run times seen, one when unknown."""
    if mean_s is None:
        return 1
    # when jobs are so short that a hand-over costs more, sharing them over threads gains nothing
    fair = waiting // slots + 1 if mean_s > 0.0002 else waiting + 1
    return max(1, min(_MOST, fair, int(_SPAN_S / max(mean_s, 1e-6))))


class Lane:
    """One thread, made at its first job, that outlives its jobs.

    The event loop appends to ``_jobs`` and reads ``_outcomes``; the thread does the reverse. Both are
    deques, whose ends are safe to use from two threads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mean_s: float | None = None
        self.current: Job | None = None
        self.started = 0.0
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
            while not self._abandoned and self._step():
                pass
            if not self._abandoned:
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
            error = raised
        ended = clock()
        self.current = None
        if not self._abandoned:
            self._outcomes.append((job, result, error, started, ended))
            mean = self.mean_s
            took = ended - started
            self.mean_s = took if mean is None else mean + _SMOOTH * (took - mean)
        return True


def _finish(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)
