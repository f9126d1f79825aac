"""Looks after running jobs, 20 times a second: time-outs, jobs stuck behind a long one, hoarded jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from taskq_core.async_client import AsyncClient
from taskq_core.claimed import Job
from taskq_core.clock import precise as clock
from taskq_core.commands import work
from taskq_core.config import MAX_BATCH
from taskq_core.errors import TaskqError
from taskq_core.worker.context import Context
from taskq_core.worker.lane import Lane
from taskq_core.worker.slots import Slot

TICK_S = 0.05
STUBBORN_S = 1.0
"""How long a handler may ignore its cancellation before its slot is given up."""


class Watchdog:
    """Duties that need a clock but no timer of their own for each job."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._slots = context.slots
        self._reporter = context.reporter
        self._claiming = context.claiming
        self._sleeper = context.sleeper

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            for slot in self._slots.running:
                self._look_at(slot)
            self._slots.room.set()
            await self._give_back_surplus()

    def _look_at(self, slot: Slot) -> None:
        if slot.lane is not None and slot.lane_job is not None:
            self._slots.collect(slot)
            self._look_at_lane(slot, slot.lane)
        elif slot.job is not None:
            self._look_at_handler(slot, slot.job)

    def _look_at_lane(self, slot: Slot, lane: Lane) -> None:
        job, ran = lane.current, clock() - lane.started
        if job is None or ran < TICK_S:
            return
        # whoever is free may run what was to come after a job that takes long
        self._slots.thrift.forget()
        self._slots.buffer.extendleft(reversed(lane.take_back()))
        self._slots.wake()
        timeout_s = self._reporter.limits(job).timeout_ms / 1000
        if timeout_s and ran > timeout_s:
            self._give_up(slot, job, timeout_s)

    def _look_at_handler(self, slot: Slot, job: Job) -> None:
        now = clock()
        timeout_s = self._reporter.limits(job).timeout_ms / 1000
        if not slot.stop:
            if timeout_s and now - slot.started > timeout_s:
                slot.timeout_s = timeout_s
                slot.cancel("timeout")
        elif now - slot.stopped_at > STUBBORN_S and slot.stop in ("timeout", "cancelled"):
            self._give_up(slot, job, timeout_s)

    def _give_up(self, slot: Slot, job: Job, timeout_s: float) -> None:
        why = slot.stop or "timeout"
        self._slots.abandon(slot)
        self._slots.finished += 1
        self._reporter.stopped(job, why, timeout_s)

    async def _give_back_surplus(self) -> None:
        """Jobs taken ahead when jobs were short, and now stuck behind long ones, go back to the queue."""
        slots = self._slots
        running = len(slots.running)
        slots.want()  # the appetite looks again
        allowed = max(0, slots.appetite.ahead - running)
        surplus = len(slots.buffer) - allowed
        if running == slots.count and surplus > allowed:
            slots.going_back += [slots.buffer.pop() for _ in range(min(surplus, MAX_BATCH))]
        if slots.going_back:
            # no claim may be on its way meanwhile, for it might bring what goes back
            self._sleeper.interrupt()
            async with self._claiming:
                slots.going_back = await give_back(self._client, slots.going_back)
                slots.gone_back += 1


async def give_back(client: AsyncClient, jobs: Sequence[Job]) -> list[Job]:
    """Releases jobs that did not start. Returns those of which it is not known: to be tried again, not run.

    A job that was claimed again under the same entry is a new one, and is left alone.
    """
    unknown: list[Job] = []
    by_home: dict[int, list[Job]] = {}
    for job in jobs:
        if not job.home.lost and job.home.held[job.stream].get(job.entry) is job:
            by_home.setdefault(id(job.home), []).append(job)
    for same_home in by_home.values():
        tenure = same_home[0].home
        try:
            await client.run(work.release(tenure.keys, tenure.worker, same_home))
        except TaskqError:
            unknown += same_home
            continue
        for job in same_home:
            tenure.drop(job.stream, job.entry)
    return unknown
