"""The duties that keep a queue whole, done by every worker's maintainer twice a second:

1. promote what is due, also while all slots are busy;
2. watch the leases; the one that holds the lock takes over from workers that died;
3. bury jobs that took too many workers down with them;
4. fire the schedules that are due.

Nothing here waits for anything but the server: a gap in the looking counts for little.
"""

from __future__ import annotations

import asyncio
import logging
import random

from taskq_core.clock import monotonic
from taskq_core.commands import limiting, work
from taskq_core.errors import InvalidPayload, TaskqError
from taskq_core.keys import QueueKeys
from taskq_core.worker.context import Context
from taskq_core.worker.leases import LeaseWatch
from taskq_core.worker.scheduler import Scheduler
from taskq_core.worker.tenure import Subscription
from taskq_core.worker.trouble import Trouble
from taskq_core.worker.verdict import Poison, failed_run, limits_of

log = logging.getLogger("taskq.worker")
_STEPS = 1_000
TIDY_S = 10.0
"""How often it is looked whether limits and tenants are counted right: some ms of the server's time."""


class Maintainer:
    """Looks after one queue."""

    def __init__(self, context: Context, subscription: Subscription) -> None:
        self._client = context.client
        self._subscription = subscription
        self._crashes = context.options.max_crashes
        self._lease_s = context.options.lease_ms / 1000
        self._watch = LeaseWatch(self._lease_s)
        self._dead: list[str] = []
        self._meter = context.meter
        self._trouble = Trouble(f"upkeep of queue {subscription.keys.queue}")
        self._scheduler = Scheduler(context, subscription)
        self._next_fire_s: float | None = None
        self._tidied = monotonic()
        self._look = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        tick = min(0.5, self._lease_s / 4)
        while True:
            lost = self._subscription.tenure.lost
            if lost and self._subscription.reachable:
                await asyncio.sleep(0.02)  # the claimer is about to register
                continue
            self._next_fire_s = None
            try:
                await (self._promote() if lost else self._duties())
                self._subscription.reachable = True
                self._trouble.over()
            except TaskqError as error:
                self._trouble.note(error)
            pause = tick * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
            if self._next_fire_s is not None:
                pause = min(pause, self._next_fire_s)
            await asyncio.sleep(pause)

    async def _promote(self) -> None:
        await self._client.run(work.promote(self._subscription.keys))

    async def _duties(self) -> None:
        keys = self._subscription.keys
        tenure = self._subscription.tenure
        await self._promote()
        seen = await self._client.run(work.watch(keys, tenure.worker, int(self._lease_s * 1000), self._dead))
        self._dead = self._watch.expired(seen.leases, seen.now, monotonic())
        await self._scheduler.look(seen)
        self._next_fire_s = self._scheduler.until_next(seen)
        if seen.leads:
            for worker in self._dead:
                await self._take_over(keys, worker, seen.leases[worker])
            for worker in seen.revoked:
                await self._take_over(keys, worker, "")
            await self._tidy(keys)

    async def _tidy(self, keys: QueueKeys) -> None:
        if not self._subscription.flows or monotonic() - self._tidied < TIDY_S:
            return
        self._tidied = monotonic()
        found = await self._client.run(limiting.tidy(keys, self._look))
        freed, mended, lost, reminded, self._look = found
        if freed or mended or lost:
            log.warning(
                "queue %s: limits or tenants were counted wrong: %d places freed, %d counts mended, "
                "%d jobs given back, %d limits looked at again", keys.queue, freed, mended, lost, reminded,
            )  # fmt: skip

    async def _take_over(self, keys: QueueKeys, worker: str, expiry: str) -> None:
        moved = 0
        for _ in range(_STEPS):
            step = await self._client.run(work.reclaim(keys, worker, expiry, self._crashes))
            moved += step.moved
            if step.poison:
                await self._bury(keys, worker, step)
            if step.state != "more":
                break
        if moved:
            if self._meter is not None:
                self._meter.recovered(keys.queue, moved)
            log.warning(
                "queue %s: took over %d jobs of worker %s, which fell silent", keys.queue, moved, worker
            )

    async def _bury(self, keys: QueueKeys, worker: str, step: work.Reclaimed) -> None:
        runs, jobs = [], []
        for stream, entry, deliveries, fields in step.poison:
            try:
                job = work.job_of(keys.queue, stream, entry, fields, deliveries)
            except InvalidPayload:
                job = work.malformed(keys.queue, stream, entry, fields, deliveries)
            error = Poison(f"{deliveries} workers died while they ran this job")
            jobs.append(job)
            runs.append(failed_run(job, limits_of(job, (self._subscription.policy,)), error))
        await self._client.run(work.fail(keys, worker, runs, revoked=True))
        if self._meter is not None:
            self._meter.buried(keys.queue, jobs)
        log.error("queue %s: buried %d jobs that keep killing workers", keys.queue, len(runs))
