"""Finds jobs that the server holds in this worker's name and it never saw: a claim's answer was lost."""

from __future__ import annotations

import asyncio
import logging

from taskq_core.clock import monotonic
from taskq_core.commands import work
from taskq_core.errors import TaskqError
from taskq_core.worker.claimer import Claimer
from taskq_core.worker.context import Context
from taskq_core.worker.tenure import Subscription
from taskq_core.worker.trouble import Trouble

log = logging.getLogger("taskq.worker")
_MOST = 1_000


class Adopter:
    """Compares what the server has with what is held: after a claim that failed, and every half lease."""

    def __init__(self, context: Context, subscription: Subscription, claimer: Claimer) -> None:
        self._client = context.client
        self._slots = context.slots
        self._subscription = subscription
        self._claimer = claimer
        self._claiming = context.claiming
        self._half_lease_s = context.options.lease_ms / 2000
        self._trouble = Trouble(f"looking for lost claims of queue {subscription.keys.queue}")

    async def run(self) -> None:
        """Until it is cancelled."""
        reconciled = monotonic()
        while True:
            await asyncio.sleep(min(0.25, self._half_lease_s / 2))
            if self._subscription.tenure.lost or not self._subscription.reachable:
                continue
            if self._subscription.unsure or monotonic() - reconciled > self._half_lease_s:
                try:
                    await self._reconcile()
                    self._trouble.over()
                except TaskqError as error:
                    self._subscription.unsure = True
                    self._trouble.note(error)
                reconciled = monotonic()

    async def _reconcile(self) -> None:
        async with self._claiming:
            tenure = self._subscription.tenure
            pending = await self._client.run(work.pending(tenure.keys, tenure.worker))
            unknown = {
                (stream, entry): deliveries
                for stream, entry, deliveries in pending
                if entry not in tenure.held.get(stream, ())
            }
            if not unknown or tenure.lost:
                self._subscription.unsure = False
                return
            bodies = await self._client.run(work.adopt(tenure.keys, tenure.worker, list(unknown)[:_MOST]))
            jobs = [
                job
                for stream, body in bodies
                for job in self._claimer.take_in(self._subscription, stream, body, unknown[stream, body[0]])
            ]
            self._slots.put(jobs)
            self._subscription.unsure = len(unknown) > _MOST
        if not bodies:
            return  # they ended while we looked
        log.warning(
            "queue %s: adopted %d jobs of a claim whose answer was lost", tenure.keys.queue, len(bodies)
        )
