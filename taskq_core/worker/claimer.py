"""The claim loop: registers, claims what there is room for, promotes what is due, sleeps when all is empty.

It never ends on an error: it says so, waits with jitter, and goes on. Alive means that this loop goes
round, not that a socket is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable
from typing import Any, TypeVar

from taskq_core.claimed import Job
from taskq_core.clock import monotonic, wall_ms
from taskq_core.codec import PLAIN
from taskq_core.command import Command
from taskq_core.commands import operate, work
from taskq_core.config import HARD_PAYLOAD_BYTES, MAX_WAIT_MS
from taskq_core.errors import AccessDenied, InvalidPayload, TaskqError
from taskq_core.keys import LEVELS, QueueKeys
from taskq_core.limits import CODE
from taskq_core.worker.context import Context
from taskq_core.worker.tenure import Subscription, Tenure
from taskq_core.worker.trouble import Trouble

log = logging.getLogger("taskq.worker")
T = TypeVar("T")
_GUARDED = LEVELS[::-1]


class Claimer:
    """Fills the slots. ``rounds`` counts the times the loop went round."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._subscriptions = list(context.subscriptions)
        self._slots = context.slots
        self._reporter = context.reporter
        self._options = context.options
        self._about = context.about
        self._lost = context.lost
        self._sleeper = context.sleeper
        self._by_wake = {s.keys.wake: s for s in context.subscriptions}
        self._next_due = float(MAX_WAIT_MS)
        self._claiming = context.claiming
        self.stopping = asyncio.Event()
        self._trouble = Trouble("claiming")
        self.rounds = 0
        self.looked = wall_ms()
        """When the loop last went round. Without room for jobs it rests, so then this says nothing."""
        self.has_room = True
        self.answered = 0.0
        """When a claim was last answered, by the monotonic clock; `rested`: when there was last no room."""
        self.rested = 0.0
        self._clearing = False
        self._dry = False
        self._held = False
        self._followed = 0
        self._gone_back = 0
        self.claimed = 0

    async def run(self) -> None:
        """Until `stopping` is set."""
        pause = 0.05
        while not self.stopping.is_set():
            try:
                await self._round()
                self._trouble.over()
                pause = 0.05
            except TaskqError as error:
                self._trouble.note(error)
                for subscription in self._subscriptions:
                    subscription.unsure = True
                await self._sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(2.0, pause * 2)

    async def _round(self) -> None:
        self.rounds += 1
        self.looked = wall_ms()
        for subscription in self._reachable:
            if subscription.tenure.lost:
                await self._apart(subscription, self._register(subscription))
        if not self._reachable:
            await self._sleep(0.02)
            return
        want = self._want()
        if want == 0:
            self.rested = monotonic()
            if not self._finished():
                await self._until_room()
        elif self._dry and self._options.burst and not self._held:
            self._dry = False
            if not self._finished(empty=True):
                await self._until_room()
        else:
            got = await (self._claim_when_woken(want) if self._dry else self._claim_all(want))
            # less than was wanted: nothing is left, so the next claim may wait for a wake-up
            self._dry = got is not None and got < want and self._next_due > 0

    def _want(self) -> int:
        if self._clearing and self._holding:
            return 0  # a suspect runs, or waits until it can run alone
        want = self._slots.want()
        if self._options.max_jobs is not None:
            want = min(want, self._options.max_jobs - self.claimed)
        return want

    def _finished(self, *, empty: bool = False) -> bool:
        """Whether a worker with an end in sight has come to it."""
        if self._slots.at_hand or self._holding or (empty and not self._certain):
            return False
        most = self._options.max_jobs
        done = (self._options.burst and empty) or (most is not None and self.claimed >= most)
        if done:
            self.stopping.set()
        return done

    @property
    def _certain(self) -> bool:
        """Whether what the last claims found is still so.

        Since then no job followed from another, or was given back, and no answer was lost.
        """
        found = (self._followed, self._gone_back) == (self._reporter.followed, self._slots.gone_back)
        return found and not any(s.unsure for s in self._subscriptions)

    # -- one queue among several ----------------------------------------------------------

    @property
    def _reachable(self) -> list[Subscription]:
        # without a heartbeat what is claimed would be taken over while it runs
        heard = monotonic() - self._options.lease_ms / 1000
        return [s for s in self._subscriptions if s.reachable and s.beaten >= heard]

    async def _apart(self, subscription: Subscription, step: Awaitable[T]) -> T | None:
        """A step of one queue. In a cluster a node that is away must not hold up the queues of the others."""
        try:
            return await step
        except TaskqError as error:
            if not self._client.spread or len(self._subscriptions) == 1 or self._options.burst:
                raise
            subscription.unsure = True
            subscription.reachable = False
            log.error("queue %s: set aside until its node answers: %s", subscription.keys.queue, error)
            return None

    # -- claiming -------------------------------------------------------------------------

    async def _claim_all(self, want: int) -> int | None:
        """How many jobs came; None when a worker that ends with its queues could not ask all of them."""
        got, reachable = 0, self._reachable
        self._followed, self._gone_back = self._reporter.followed, self._slots.gone_back
        self._next_due, self._held = float(MAX_WAIT_MS), False
        for subscription in reachable:
            if got >= want:
                break
            got += await self._apart(subscription, self._claim(subscription, want - got)) or 0
        # the next round begins with another queue, so that none of them waits for ever
        self._subscriptions.append(self._subscriptions.pop(0))
        if self._options.burst and len(reachable) < len(self._subscriptions):
            await self._sleep(0.02)
            return None
        return got

    async def _claim(self, subscription: Subscription, want: int) -> int:
        async with self._claiming:
            claim = await self._client.run(self._claim_command(subscription, want))
            if self._turned(subscription, claim):
                claim = await self._client.run(self._claim_command(subscription, want))
            return await self._settle(subscription, claim)

    def _claim_command(self, subscription: Subscription, want: int) -> Command[work.Claim]:
        guard = self._options.starvation_guard
        tenure = subscription.tenure
        wanted = work.Wanted(
            count=want,
            order=_GUARDED if guard and self.rounds % guard == 0 else LEVELS,
            suspect=max(1, self._options.max_crashes - 1),
            alone=not self._holding,
            lease_ms=self._options.lease_ms,
            free=max(0, self._slots.count - self._slots.at_hand),
            turn=self._slots.appetite.turn,
        )
        return work.claim(tenure.keys, tenure.worker, wanted, flow=subscription.flows)

    @staticmethod
    def _turned(subscription: Subscription, claim: work.Claim) -> bool:
        """Whether limits or tenants came or went, so that the claim has to be asked in its other form."""
        turned = claim.state in ("flow", "plain")
        if turned:
            subscription.flows = claim.state == "flow"
        return turned

    @property
    def _holding(self) -> bool:
        return any(subscription.tenure.held_count for subscription in self._subscriptions)

    async def _settle(self, subscription: Subscription, claim: work.Claim) -> int:
        """Takes in what a claim brought, and promotes what it found due."""
        self.answered = monotonic()
        if claim.state == "lost":
            self._lost(subscription.tenure)
            return 0
        if claim.gone:
            log.critical(
                "queue %s: the jobs of its levels %s were deleted on the server; what waited there is lost",
                subscription.keys.queue,
                " ".join(claim.gone),
            )
        self._clearing = claim.state in ("alone", "drain")
        got = self._take(subscription, claim)
        next_due = claim.next_due
        if next_due == 0:
            # whoever was quicker to promote it: the job is ready now, and the next claim may have it
            await self._client.run(work.promote(subscription.keys))
        if next_due >= 0 and claim.state != "paused":
            self._next_due = min(self._next_due, float(next_due))
        if claim.again >= 0:
            # jobs wait that a limit held: the queue is not empty
            self._held, self._next_due = True, min(self._next_due, float(claim.again))
        return got

    async def _claim_when_woken(self, want: int) -> int | None:
        """Sleeps until a token comes, something is due, or a second is over; then claims.

        None when the sleep was interrupted: what is wanted has to be asked anew.
        """
        seconds = self._next_due / 1000
        self._next_due, self._held = float(MAX_WAIT_MS), False
        if len(self._subscriptions) > 1:
            wake = await self._sleeper.sleep([s.keys.wake for s in self._reachable], seconds)
            if wake is not None:
                self._serve_first(self._by_wake[wake])
            want = 0 if self.stopping.is_set() else self._want()
            return await self._claim_all(want) if want else None
        only = self._subscriptions[0]
        async with self._claiming:
            # what was wanted may have changed while the lock was not ours
            if self.stopping.is_set() or self._want() == 0:
                return None
            command = self._claim_command(only, want)
            claim = await self._sleeper.sleep_then([only.keys.wake], seconds, command)
            if claim is not None and self._turned(only, claim):
                claim = await self._client.run(self._claim_command(only, want))
            if claim is not None:
                return await self._settle(only, claim)
            only.unsure = True  # the claim may have been carried out all the same
            return None

    def interrupt(self) -> None:
        """Ends a sleep: the worker stops."""
        self.stopping.set()
        self._sleeper.interrupt()

    def _serve_first(self, subscription: Subscription) -> None:
        self._subscriptions.remove(subscription)
        self._subscriptions.insert(0, subscription)

    def _take(self, subscription: Subscription, claim: work.Claim) -> int:
        tenure, handlers = subscription.tenure, subscription.handlers
        queue = tenure.keys.queue
        jobs: list[Job] = []
        for stream, entries in claim.batches:
            held = tenure.held[stream]
            for entry, fields in entries:
                if len(fields) == 2 and not claim.deliveries and len(fields[1]) <= HARD_PAYLOAD_BYTES:
                    task, raw = fields
                    held[entry] = job = Job(
                        queue, stream, entry, task, raw, PLAIN, 1, tenure, handlers.get(task)
                    )
                    jobs.append(job)
                else:
                    deliveries = claim.deliveries.get((stream, entry), 1)
                    jobs += self.take_in(subscription, stream, (entry, fields), deliveries)
        self.claimed += len(jobs)
        if jobs:
            self._slots.put(jobs)
        return sum(len(entries) for _, entries in claim.batches)

    def take_in(
        self, subscription: Subscription, stream: str, body: tuple[bytes, Any], deliveries: int
    ) -> list[Job]:
        """The job of a stream entry, held by the present tenure; none when it is malformed: it is buried."""
        entry, fields = body
        tenure = subscription.tenure
        queue = tenure.keys.queue
        refused: InvalidPayload | None = None
        try:
            job = work.job_of(queue, stream, entry, fields, deliveries)
        except InvalidPayload as error:
            job, refused = work.malformed(queue, stream, entry, fields, deliveries), error
        job.home = tenure
        job.handler = subscription.handlers.get(job.raw_task)
        tenure.hold(job)
        if refused is not None:
            self._reporter.malformed(job, refused)
            return []
        return [job]

    # -- registering ----------------------------------------------------------------------

    async def _register(self, subscription: Subscription) -> None:
        subscription.tenure = tenure = Tenure(subscription.keys)
        tenure.lost = True
        sent = wall_ms()
        now = await self._client.run(
            work.register(tenure.keys, tenure.worker, self._options.lease_ms, self._about(subscription))
        )
        # half of the round trip belongs to the way there
        tenure.server_offset_ms = now - (sent + wall_ms()) // 2
        await self._announce(tenure.keys)
        await self._declare(subscription)
        tenure.lost = now == -1
        self._dry = False
        log.info("queue %s: registered as %s", tenure.keys.queue, tenure.worker)

    async def _declare(self, subscription: Subscription) -> None:
        """The settings of the code, before the first claim, so that its limits hold from the first job on."""
        # once for each start: after a lost lease another version of the code may have spoken meanwhile
        if subscription.declared or not subscription.settings:
            return
        keys = subscription.keys
        try:
            await self._client.run(operate.configure(keys, subscription.settings, CODE), keys.queue)
        except AccessDenied as error:  # a user made by an earlier version; the jobs are to run all the same
            log.error("queue %s: the limits in its code are not declared: %s", keys.queue, error)
        subscription.declared = True

    async def _announce(self, keys: QueueKeys) -> None:
        try:
            await self._client.run(operate.announce(keys.namespace, keys.queue))
        except TaskqError as error:
            # the list of queues may live on another node; who adds jobs has announced their queue
            if not self._client.spread:
                raise
            log.warning("queue %s: not announced: %s", keys.queue, error)

    # -- waiting --------------------------------------------------------------------------

    async def _until_room(self) -> None:
        self._slots.room.clear()
        if self._want() == 0:
            self.has_room = False
            await self._slots.room.wait()
            self.has_room = True
            self.looked = wall_ms()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
