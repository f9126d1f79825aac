"""The slots of a worker: a fixed set of coroutines that take jobs from one buffer.

There is no task, future or timer per job. In each turn of the event loop the runners share a few
milliseconds; then acks, claims and everything else get their turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable

from taskq_core.claimed import Job
from taskq_core.clock import precise as clock
from taskq_core.worker.appetite import Appetite
from taskq_core.worker.lane import Lane, Thrift
from taskq_core.worker.reporter import Reporter

log = logging.getLogger("taskq.worker")

TURN_S = 0.004
_MOST_WOKEN = 64


class Slot:
    """One place to run a job. ``stop`` says why it is being stopped: timeout, cancelled, shutdown or lost."""

    __slots__ = ("abandoned", "job", "lane", "plain", "started", "stop", "stopped_at", "task", "timeout_s")

    def __init__(self) -> None:
        self.job: Job | None = None
        self.started = 0.0
        self.timeout_s = 0.0
        self.stop = ""
        self.stopped_at = 0.0
        self.abandoned = False
        self.plain = False
        self.task: asyncio.Task[None] | None = None
        self.lane: Lane | None = None

    def cancel(self, why: str) -> None:
        """Stops what it runs: the handler sees a CancelledError. Plain functions cannot be stopped."""
        if not self.stop and self.task is not None and self.job is not None and not self.plain:
            self.stop = why
            self.stopped_at = clock()
            self.task.cancel()

    @property
    def lane_job(self) -> Job | None:
        """What its thread runs right now."""
        return self.lane.current if self.lane is not None else None


class Slots:
    """Runs jobs. ``room`` is set when there may be reason to claim more."""

    def __init__(self, count: int, reporter: Reporter) -> None:
        self.count = count
        self.buffer: deque[Job] = deque()
        self.slots: list[Slot] = []
        self.room = asyncio.Event()
        self.going_back: list[Job] = []
        """Jobs that are being given back and whose release is not confirmed: they may be anybody's."""
        self.gone_back = 0
        """How often jobs were given back: a claim before that has not seen them."""
        self.appetite = Appetite(count)
        self.thrift = Thrift(count)
        self._threads_busy = 0
        self._threads_begun = 0
        self.finished = 0
        self._reporter = reporter
        self._resting: list[asyncio.Future[None]] = []
        self._turn_ends = 0.0
        self._ticking = False
        self._low_water = 0
        self._active = 0
        self._busy_since = 0.0
        self._busy_s = 0.0
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Opens all slots."""
        for _ in range(self.count):
            self.open_slot()

    def open_slot(self) -> None:
        """Opens one slot, at the start or in the place of an abandoned one."""
        slot = Slot()
        self.slots.append(slot)
        slot.task = self._loop.create_task(self._serve(slot), name="taskq-slot")

    def abandon(self, slot: Slot) -> None:
        """Gives up a slot whose job will not stop, and opens another. Whatever it still brings is ignored."""
        self.collect(slot)
        slot.abandoned = True
        self.slots.remove(slot)
        if slot.lane is not None:
            self.buffer.extendleft(reversed(slot.lane.abandon()))
        self.open_slot()
        self.wake()

    async def close(self) -> None:
        """Ends all slots. A function that never returns keeps its thread, not the process."""
        tasks = [slot.task for slot in self.slots if slot.task is not None]
        for slot in self.slots:
            slot.abandoned = True  # what still ends now is not reported: its job was given back
            if slot.lane is not None:
                slot.lane.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def put(self, jobs: list[Job]) -> None:
        """Takes claimed jobs in."""
        self.buffer.extend(jobs)
        self._low_water = self.appetite.ahead // 2
        self.wake()

    @property
    def running(self) -> list[Slot]:
        """The slots that run something."""
        return [slot for slot in self.slots if slot.job is not None]

    @property
    def at_hand(self) -> int:
        """Jobs that wait here or run."""
        return len(self.buffer) + sum(slot.job is not None for slot in self.slots)

    def want(self) -> int:
        """How many jobs to claim now."""
        if self.going_back:
            return 0  # a claim might bring the same jobs again
        self.appetite.observe(self.finished, self._busy_s + self._busy_for())
        running = sum(slot.job is not None for slot in self.slots)
        return self.appetite.want(len(self.buffer) + running, running)

    def _busy_for(self) -> float:
        return clock() - self._busy_since if self._active else 0.0

    # -- turns ----------------------------------------------------------------------------

    def wake(self) -> None:
        """Begins a turn: as many runners as there are jobs get going."""
        self._turn_ends = clock() + TURN_S
        if self._threads_suffice():
            return
        for _ in range(min(len(self._resting), len(self.buffer), _MOST_WOKEN)):
            future = self._resting.pop()
            if not future.done():
                future.set_result(None)

    def _threads_suffice(self) -> bool:
        """Whether the next job is a plain function, and more threads would only slow down those at work."""
        if not self.buffer or self._threads_busy < self.thrift.threads:
            return False
        handler = self.buffer[0].handler
        return handler is not None and not handler.is_async

    def _wake_beside_threads(self) -> None:
        """Wakes runners that rest because threads sufficed, unless this one's thread will do all there is."""
        if not self.buffer:
            return
        handler = self.buffer[0].handler
        if handler is None or handler.is_async or self._threads_busy + 1 < self.thrift.threads:
            self.wake()

    def _tick(self) -> None:
        self._ticking = False
        self.room.set()
        self.wake()

    async def _rest(self) -> None:
        """Sleeps until there is something to do, or the next turn."""
        if self.buffer and not self._ticking and not self._threads_suffice():
            self._ticking = True
            self._loop.call_soon(self._tick)
        self._active -= 1
        if self._active == 0:
            self._busy_s += clock() - self._busy_since
        if len(self.buffer) <= self._low_water:
            self.room.set()
        future: asyncio.Future[None] = self._loop.create_future()
        self._resting.append(future)
        await future
        self._wake_up()

    def _wake_up(self) -> None:
        if self._active == 0:
            self._busy_since = clock()
        self._active += 1

    async def _serve(self, slot: Slot) -> None:
        self._wake_up()
        try:
            while not slot.abandoned:
                if not self.buffer or clock() >= self._turn_ends:
                    await self._rest()
                    continue
                job = self.buffer.popleft()
                if len(self.buffer) == self._low_water:
                    self.room.set()
                if job.home.lost:
                    continue
                try:
                    await self._way_of(slot, job)
                except Exception:
                    # a fault of ours must cost neither the slot nor the job: it is adopted again
                    log.exception("queue %s: the outcome of job %s was not reported", job.queue, job.id)
                    slot.job = None
                    job.home.drop(job.stream, job.entry)
        finally:
            self._active -= 1

    def _way_of(self, slot: Slot, job: Job) -> Awaitable[None]:
        handler = job.handler
        if handler is None:
            return self._refuse(job)
        if handler.is_async:
            return self._run_async(slot, job)
        if self._threads_busy < self.thrift.threads:
            return self._run_plain(slot, job)
        self.buffer.appendleft(job)
        return self._rest()

    # -- one job ----------------------------------------------------------------------------

    async def _refuse(self, job: Job) -> None:
        self._reporter.unknown(job)

    async def _run_async(self, slot: Slot, job: Job) -> None:
        slot.job = job
        slot.started = started = clock()
        try:
            result = await job.handler.call(job)
        except BaseException as error:
            if not slot.abandoned:
                self._stopped(slot, job, error)
        else:
            if not slot.abandoned:
                self.finished += 1
                self._reporter.done(job, result, started, clock())
        slot.job = None
        if slot.stop:
            self._clear(slot)

    def _stopped(self, slot: Slot, job: Job, error: BaseException) -> None:
        self.finished += 1
        if isinstance(error, asyncio.CancelledError) and slot.stop:
            self._reporter.stopped(job, slot.stop, slot.timeout_s)
        else:
            self._reporter.failed(job, error, slot.started, clock())

    def _clear(self, slot: Slot) -> None:
        slot.stop = ""
        while slot.task is not None and slot.task.cancelling():
            slot.task.uncancel()

    async def _run_plain(self, slot: Slot, job: Job) -> None:
        """Runs a plain function in the slot's thread, with its successors when they are short."""
        lane = slot.lane = slot.lane or Lane(self._loop)
        jobs = [job]
        for _ in range(self.thrift.batch(len(self.buffer)) - 1):
            if not self.buffer or self.buffer[0].handler is None or self.buffer[0].handler.is_async:
                break
            jobs.append(self.buffer.popleft())
        slot.job = job
        slot.plain = True
        slot.started = started = clock()
        alone = self._threads_busy == 0
        self._threads_busy += 1
        self._threads_begun += 1
        begun = self._threads_begun
        try:
            await lane.run(jobs)
            if not slot.abandoned:
                self.collect(slot)
                alone = alone and begun == self._threads_begun
                self.thrift.observe(len(jobs), clock() - started, lane.cpu_s, alone=alone)
        finally:
            self._threads_busy -= 1
            slot.plain = False
            slot.job = None
            self._wake_beside_threads()

    def collect(self, slot: Slot) -> None:
        """Reports what a slot's thread has finished so far."""
        if slot.lane is None:
            return
        for job, result, error, started, ended in slot.lane.take_outcomes():
            self.finished += 1
            if error is None:
                self._reporter.done(job, result, started, ended)
            else:
                self._reporter.failed(job, error, started, ended)
