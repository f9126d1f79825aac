"""A worker: its services, how they start, and how they stop without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskq_core.claimed import Job
from taskq_core.clock import wall_ms
from taskq_core.command import Arg
from taskq_core.commands import work
from taskq_core.config import MAX_BATCH
from taskq_core.errors import AccessDenied, TaskqError, UsageError
from taskq_core.metrics.meter import Meter
from taskq_core.version import __version__
from taskq_core.worker.acker import Acker
from taskq_core.worker.adopter import Adopter
from taskq_core.worker.claimer import Claimer
from taskq_core.worker.context import Context
from taskq_core.worker.heartbeat import Heartbeat
from taskq_core.worker.maintainer import Maintainer
from taskq_core.worker.metered import async_client
from taskq_core.worker.noter import Noter
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.reporter import Reporter
from taskq_core.worker.sleeper import Sleeper
from taskq_core.worker.slots import Slots
from taskq_core.worker.tenure import Subscription, Tenure, worker_name
from taskq_core.worker.vitals import Organs, Vitals
from taskq_core.worker.watchdog import Watchdog, give_back

if TYPE_CHECKING:
    from taskq_core.metrics.endpoint import Endpoint

log = logging.getLogger("taskq.worker")
_STOP_S = 2.0
"""How long cancelled handlers may take to end before their jobs are given back all the same."""


class Worker:
    """Serves queues of one namespace on one server, in the running event loop.

    ``run`` returns when `stop` was called and everything is given back or done. Jobs that are running
    then get the grace; what does not end is given back, and its attempt is not counted.
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        subscriptions: Sequence[Subscription],
        options: WorkerOptions,
        concurrency: int,
    ) -> None:
        if not subscriptions:
            raise UsageError("a worker needs a queue to serve")
        self._url = url
        self._namespace = namespace
        self._subscriptions = tuple(subscriptions)
        self._options = options
        self._concurrency = options.concurrency or concurrency
        self._started = wall_ms()
        self._stop = asyncio.Event()
        self._grace_s = options.grace.total_seconds()
        self._cancelling: set[str] = set()
        self._id = worker_name(4)
        self._errands: set[asyncio.Task[None]] = set()
        self.reporter = Reporter()
        self._meter: Meter | None = None
        self.vitals: Vitals | None = None
        if options.metrics_port is not None:
            self._measure()

    def _measure(self) -> None:
        self._meter = self.reporter.meter = Meter({s.keys.queue: s.handlers for s in self._subscriptions})
        self.vitals = Vitals(self._namespace, self._meter)

    def stop(self) -> None:
        """Begins to stop. From the event loop."""
        self._stop.set()
        if self.vitals is not None:
            self.vitals.stopping = True

    @property
    def done_count(self) -> int:
        """Jobs done so far."""
        return self.reporter.done_count

    @property
    def failed_count(self) -> int:
        """Failed attempts so far."""
        return self.reporter.failed_count

    async def run(self) -> None:
        """Works until it is told to stop, or has come to an end of its own (burst, max_jobs).

        Raises: UsageError when the port of its metrics cannot be had, before anything else is done.
        """
        endpoint = self._open_endpoint()
        try:
            await self._run()
        finally:
            if endpoint is not None:
                endpoint.close()

    def _open_endpoint(self) -> Endpoint | None:
        port = self._options.metrics_port
        if port is None or self.vitals is None or self._options.metrics_apart:
            return None
        from taskq_core.metrics.endpoint import Endpoint  # here: most workers have none

        return Endpoint(self._options.metrics_host, port, self.vitals)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reporter.subscriptions = {s.keys.queue: s for s in self._subscriptions}
        self._client = async_client(self._url, self._namespace, self._meter)
        self._slots = Slots(self._concurrency, self.reporter)
        self._sleeper = Sleeper(self._url, self._meter)
        context = Context(
            self._client,
            self._subscriptions,
            self._options,
            self.reporter,
            self._slots,
            self.about,
            self.lost,
            self._sleeper,
            meter=self._meter,
        )
        # queues on several servers are looked after one by one: none waits for the server of another
        apart = [(s,) for s in self._subscriptions]
        self._parts = apart if self._client.spread else [self._subscriptions]
        self._noter = Noter(context)
        self._ackers = [Acker(context, part, self._noter) for part in self._parts]
        self._claimer = Claimer(context)
        heartbeats = [Heartbeat(context, part, self) for part in self._parts]
        services = self._start_services(context)
        for heartbeat in heartbeats:
            heartbeat.start()
        if self.vitals is not None:
            self.vitals.attend(Organs(self._claimer, self._slots, heartbeats, self._options.lease_ms / 1000))
            self._send_on_errand(self._know_server(self.vitals))
        try:
            await self._until_stopped(services)
            await self._wind_down()
        finally:
            await self._end(services, heartbeats)

    async def _end(self, services: Sequence[asyncio.Task[None]], heartbeats: Sequence[Heartbeat]) -> None:
        for heartbeat in heartbeats:
            heartbeat.stop()
        unfinished = {*services, *self._errands}
        for service in unfinished:
            service.cancel()
        await asyncio.wait(unfinished, timeout=_STOP_S)
        await self._slots.close()
        await self._sign_off()
        await asyncio.gather(*(asyncio.to_thread(heartbeat.join, 2.0) for heartbeat in heartbeats))
        await self._sleeper.close()
        await self._client.close()
        if self.vitals is not None:
            self.vitals.leave()
        log.info("ended: %d jobs done, %d attempts failed", self.done_count, self.failed_count)

    def _start_services(self, context: Context) -> list[asyncio.Task[None]]:
        self._slots.start()
        watchdog = Watchdog(context)
        maintainers = [Maintainer(context, s) for s in self._subscriptions]
        adopters = [Adopter(context, s, self._claimer) for s in self._subscriptions]
        self._claiming = self._keep("claimer", self._claimer.run)
        return [
            self._claiming,
            *(self._keep("acker", acker.run) for acker in self._ackers),
            self._keep("noter", self._noter.run),
            self._keep("watchdog", watchdog.run),
            *(self._keep("maintainer", maintainer.run) for maintainer in maintainers),
            *(self._keep("adopter", adopter.run) for adopter in adopters),
        ]

    def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """A service as a task. A fault of ours, or data nobody foresaw, must not end a worker."""

        async def keep() -> None:
            while True:
                try:
                    return await run()
                except Exception:
                    log.exception("the %s failed and begins anew", name)
                    await asyncio.sleep(0.5)

        return self._loop.create_task(keep(), name=f"taskq-{name}")

    async def _until_stopped(self, services: Sequence[asyncio.Task[None]]) -> None:
        stop = self._loop.create_task(self._stop.wait())
        await asyncio.wait((stop, *services), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    # -- stopping -------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        log.info("stopping: %d jobs run", len(self._slots.running))
        if self.vitals is not None:
            self.vitals.stopping = True
        self._claimer.interrupt()
        await asyncio.wait((self._claiming,))
        unstarted = [*self._slots.buffer, *self._slots.going_back]
        self._slots.buffer.clear()
        unstarted = await give_back(self._client, unstarted)
        await self._until_idle(lambda: self._grace_s)
        for slot in self._slots.running:
            slot.cancel("shutdown")
        await self._until_idle(lambda: _STOP_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._noter.flush(), _STOP_S)  # what is given back is not ours any more
        unfinished = [job for slot in self._slots.running if (job := slot.lane_job or slot.job)]
        await give_back(self._client, [*unstarted, *self.reporter.released, *unfinished])
        for acker, part in zip(self._ackers, self._parts, strict=True):
            try:
                await asyncio.wait_for(acker.flush(), _STOP_S)
                await self._release_unseen(part)
            except (TimeoutError, TaskqError):
                log.error("the server is away: the last outcomes are unknown to it, those jobs run again")

    async def _release_unseen(self, subscriptions: Sequence[Subscription]) -> None:
        """Gives back what a claim brought whose answer nobody waited for."""
        for subscription in subscriptions:
            tenure = subscription.tenure
            left = await self._client.run(work.pending(tenure.keys, tenure.worker, MAX_BATCH))
            for stream, entry, _ in left:
                tenure.hold(Job(tenure.keys.queue, stream, entry, b"", b"", home=tenure))
            await give_back(self._client, [job for held in tenure.held.values() for job in held.values()])

    async def _until_idle(self, seconds: Callable[[], float]) -> None:
        begun = time.monotonic()  # an order to end now may cut the grace short meanwhile
        while self._slots.running and time.monotonic() - begun < seconds():  # noqa: ASYNC110 - once in its life
            await asyncio.sleep(0.01)

    async def _sign_off(self) -> None:
        for subscription in self._subscriptions:
            tenure = subscription.tenure
            if tenure.lost:
                continue
            try:
                # any order ends the heartbeat's wait; nobody else reads it
                await self._client.run(work.tell(tenure.keys, tenure.worker, b"{}", 1_000))
                await self._client.run(work.retire(tenure.keys, tenure.worker))
            except TaskqError as error:
                log.warning("queue %s: could not sign off: %s", tenure.keys.queue, error)
            tenure.lost = True

    # -- orders ---------------------------------------------------------------------------

    def lose(self, tenure: Tenure) -> None:
        """From the heartbeat's thread: the lease is gone."""
        self._loop.call_soon_threadsafe(self.lost, tenure)

    def lost(self, tenure: Tenure) -> None:
        """Fences a tenure: its running jobs are stopped, its outcomes go nowhere. A new one begins."""
        if tenure.lost:
            return
        tenure.lost = True
        running = [slot for slot in self._slots.running if slot.job is not None and slot.job.home is tenure]
        log.error("queue %s: lost the lease, %d running jobs are dropped", tenure.keys.queue, len(running))
        if self._meter is not None:
            self._meter.lease_lost(tenure.keys.queue)
            self._meter.ended(
                tenure.keys.queue, "lost", [*tenure.owed(), *(slot.lane_job or slot.job for slot in running)]
            )
        for slot in running:
            slot.cancel("lost")

    def stop_ordered(self, *, now: bool) -> None:
        """From the heartbeat's thread: an operator ends this worker."""
        self._loop.call_soon_threadsafe(self._stop_ordered, now)

    def _stop_ordered(self, now: bool) -> None:
        log.warning("told to stop%s", ", without waiting for running jobs" if now else "")
        if now:
            self._grace_s = 0.0
        self.stop()

    def cancel(self, tenure: Tenure, job_id: str) -> None:
        """From the heartbeat's thread: a job is to be cancelled."""
        self._loop.call_soon_threadsafe(self._cancel, tenure, job_id)

    def _cancel(self, tenure: Tenure, job_id: str) -> None:
        job = tenure.find(job_id)
        if job is not None:
            held = {slot.job.id for slot in self._slots.running if slot.job is not None}
            self._cancelling = self._cancelling & held | {job_id}
        for slot in self._slots.running:
            if job is not None and slot.job is job:
                slot.cancel("cancelled")
                return
        if job is not None and job in self._slots.buffer:
            self._slots.buffer.remove(job)
            self.reporter.stopped(job, "cancelled", 0.0)
        elif not tenure.lost:
            # ended, or on its way back to the queue: whoever has it next is told
            self._send_on_errand(self._pass_on(tenure, job_id))

    def _send_on_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _pass_on(self, tenure: Tenure, job_id: str) -> None:
        await asyncio.sleep(0.05)
        with contextlib.suppress(TaskqError):
            await self._client.cancel(tenure.keys.queue, [job_id])

    async def _know_server(self, vitals: Vitals) -> None:
        while not vitals.server:
            try:
                server = await self._client.ping()
                vitals.server = f"{server.kind} {server.version}"
            except AccessDenied:
                return  # INFO tells of other tenants
            except TaskqError:
                await asyncio.sleep(5.0)

    # -- about itself -----------------------------------------------------------------------

    def about(self, subscription: Subscription) -> Mapping[str, Arg]:
        """What this worker says of itself with each heartbeat. Called from two threads; reads only."""
        running = [slot.job for slot in list(self._slots.slots) if slot.job is not None]
        mine = [job.id for job in running if job.queue == subscription.keys.queue]
        return {
            "process": self._id,
            "lease": self._options.lease_ms,
            "state": "stopping" if self._stop.is_set() else "working",
            "host": platform.node()[:80],
            "pid": os.getpid(),
            "version": __version__,
            "python": platform.python_version(),
            "queues": " ".join(s.keys.queue for s in self._subscriptions),
            **_declared(subscription),
            "tasks": " ".join(sorted(name.decode() for name in subscription.handlers)),
            "slots": self._concurrency,
            "busy": len(running),
            "running": " ".join(mine[:100]),
            "cancelling": " ".join(job_id for job_id in mine if job_id in self._cancelling),
            "started": self._started,
            "seen": wall_ms(),
            "rounds": self._claimer.rounds,
            "looked": self._claimer.looked,
            "room": int(self._claimer.has_room),
            "done": self.reporter.done_count,
            "failed": self.reporter.failed_count,
        }


def _declared(subscription: Subscription) -> Mapping[str, Arg]:
    """The schedules of its code: one on the server that no worker names has been left behind."""
    names = " ".join(schedule.name for schedule in subscription.schedules)
    return {"schedules": names[:4000]} if names else {}
