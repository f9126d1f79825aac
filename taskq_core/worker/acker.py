"""Sends outcomes in batches that form by themselves: a flush starts as soon as the last one returned."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import grouping, work
from taskq_core.commands.work import FailedRun
from taskq_core.config import CONCLUDE_BATCH, MAX_BATCH
from taskq_core.errors import TaskqError
from taskq_core.worker.context import Context
from taskq_core.worker.noter import Noter
from taskq_core.worker.tenure import Subscription, Tenure
from taskq_core.worker.trouble import Trouble

log = logging.getLogger("taskq.worker")
T = TypeVar("T")
_MOST_FAILS = 100


class Acker:
    """Owes nothing for long. What cannot be sent is kept and tried again while the lease holds.

    Several may share one context: each is woken by every outcome and sends those of its own queues.
    """

    def __init__(self, context: Context, subscriptions: Sequence[Subscription], noter: Noter) -> None:
        self._client = context.client
        self._subscriptions = subscriptions
        self._reporter = context.reporter
        self._lost = context.lost
        self._flushing = asyncio.Lock()
        self._meter = context.meter
        self._noter = noter
        self._trouble = Trouble("reporting outcomes")

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._reporter.owed.wait()
            await self.flush()

    async def flush(self) -> None:
        """Sends all that is owed now."""
        async with self._flushing:
            self._reporter.owed.clear()
            for subscription in self._subscriptions:
                tenure = subscription.tenure
                while tenure.owes and not tenure.lost:
                    for send in (self._send_acks, self._send_conclusions, self._send_fails):
                        if not tenure.lost:  # or whoever lost it has accounted for what was owed
                            await send(tenure)

    async def _send_acks(self, tenure: Tenure) -> None:
        if self._meter is not None and tenure.wait_ms:
            self._meter.waited(tenure.keys.queue, tenure.wait_ms)
        acks = tenure.take_acks(MAX_BATCH)
        if not acks:
            return
        reply = await self._send(tenure, work.ack(tenure.keys, tenure.worker, acks))
        if reply == -1:
            self._lost(tenure)
        for (outcome, stream), entries in acks.entries.items():
            jobs = tenure.drop_all(stream, entries)
            if self._meter is not None:
                self._meter.ended(tenure.keys.queue, "lost" if reply == -1 else outcome, jobs)

    async def _send_conclusions(self, tenure: Tenure) -> None:
        ends, tenure.conclusions = tenure.conclusions[:CONCLUDE_BATCH], tenure.conclusions[CONCLUDE_BATCH:]
        if not ends:
            return
        reply = await self._send(tenure, grouping.conclude(tenure.keys, tenure.worker, ends))
        self._reporter.followed += 1
        if reply == -1:
            self._lost(tenure)
        ended = defaultdict[str, list[Job | None]](list)
        for end in ends:
            ended["lost" if reply == -1 else end.counter].append(tenure.drop(end.stream, end.entry))
        if self._meter is not None:
            for outcome, jobs in ended.items():
                self._meter.ended(tenure.keys.queue, outcome, jobs)

    async def _send_fails(self, tenure: Tenure) -> None:
        runs, tenure.fails = tenure.fails[:_MOST_FAILS], tenure.fails[_MOST_FAILS:]
        if not runs:
            return
        reply = await self._send(tenure, work.fail(tenure.keys, tenure.worker, runs))
        self._reporter.followed += 1
        if reply == -1:
            self._lost(tenure)
        jobs = [tenure.drop(run.stream, run.entry) for run in runs]
        if self._meter is not None and reply == -1:
            self._meter.ended(tenure.keys.queue, "lost", jobs)
        elif self._meter is not None:
            ends = [(job, run.delay is None) for job, run in zip(jobs, runs, strict=True) if job is not None]
            self._meter.failed(tenure.keys.queue, ends)
        _tell(tenure, runs)

    async def _send(self, tenure: Tenure, command: Command[int]) -> int:
        """The reply, however long it takes; -1 also when the lease is lost meanwhile. Last words go first."""
        if tenure.closing:
            await self._noter.settle(tenure)
        while not tenure.lost:
            try:
                reply = await self._client.run(command)
            except TaskqError as error:
                self._trouble.note(error)
                await asyncio.sleep(0.2)
            else:
                self._trouble.over()
                return reply
        return -1


def _tell(tenure: Tenure, runs: Sequence[FailedRun]) -> None:
    """One line for the failures of a flush, however many there are."""
    buried = sum(run.delay is None for run in runs)
    log.warning(
        "queue %s: %d attempts failed (%d buried), the last one of job %s",
        tenure.keys.queue,
        len(runs),
        buried,
        runs[-1].id,
    )
