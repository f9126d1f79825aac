"""`Client`, the sync twin: sends commands. Logic is in the builders; `AsyncClient` has the same verbs.

It may be used from several threads at once. A call whose answer is lost is repeated until
the deadline; the scripts see to it that nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from taskq_core import config
from taskq_core.client_state import (
    CANCEL_ORDER_MS,
    PIPELINE,
    STOP,
    STOP_NOW,
    STOP_ORDER_MS,
    cancel_order,
    describe,
    found,
    info_fields,
    limits_of,
    read_info,
)
from taskq_core.clock import instant_ms, moment
from taskq_core.command import text
from taskq_core.job import (
    Change,
    JobDetail,
    Page,
    State,
)
from taskq_core.keys import queues_key
from taskq_core.late import LateModule
from taskq_core.names import JobRef, valid_queue
from taskq_core.producing import Producing

if TYPE_CHECKING:
    from taskq_core import (
        groups,
        limits,
        listing,
        noted,
        observe,
        queries,
        schedules,
        standing,
        steps,
        tenant_lists,
        tenants,
    )
    from taskq_core.commands import limiting, operate, work
    from taskq_core.filters import JobFilter
    from taskq_core.groups import Groups
    from taskq_core.listing import GroupPage
    from taskq_core.notes import JobNotes
    from taskq_core.schedules import Schedules
    from taskq_core.sighting import Audit, HeldJob, Place, Probe
    from taskq_core.snapshot import FailedAttempt, QueueSnapshot, ServerInfo, WorkerInfo
    from taskq_core.standing import Standing
    from taskq_core.tail import Event, Tail
    from taskq_core.tenants import Tenants
else:  # a command that enqueues one job needs none of them
    groups = LateModule("taskq_core.groups")
    tenant_lists = LateModule("taskq_core.tenant_lists")
    tenants = LateModule("taskq_core.tenants")
    limits = LateModule("taskq_core.limits")
    listing = LateModule("taskq_core.listing")
    noted = LateModule("taskq_core.noted")
    observe = LateModule("taskq_core.observe")
    queries = LateModule("taskq_core.queries")
    schedules = LateModule("taskq_core.schedules")
    standing = LateModule("taskq_core.standing")
    steps = LateModule("taskq_core.steps")
    limiting = LateModule("taskq_core.commands.limiting")
    operate = LateModule("taskq_core.commands.operate")
    work = LateModule("taskq_core.commands.work")

_A_SECOND = timedelta(seconds=1)


class Client(Producing):
    """The sync client. ``deadline``: seconds that a call is repeated while the server does not answer."""

    def __init__(
        self,
        url: str,
        *,
        namespace: str = config.DEFAULT_NAMESPACE,
        deadline: float = config.CALL_DEADLINE_S,
        payload_limit: int = config.MAX_PAYLOAD_BYTES,
    ) -> None:
        super().__init__(url, namespace, deadline, payload_limit)

    @property
    def schedules(self) -> Schedules:
        """What recurs: the schedules of this namespace."""
        return schedules.Schedules(self)

    @property
    def groups(self) -> Groups:
        """What belongs together: the groups of this namespace."""
        return groups.Groups(self)

    @property
    def tenants(self) -> Tenants:
        """Who shares the queues of this namespace."""
        return tenants.Tenants(self)

    # -- looking ----------------------------------------------------------------------------

    def ping(self) -> ServerInfo:
        """What the server says of itself. Raises: ServerUnreachable, AccessDenied."""
        return read_info(self.execute("INFO"))

    def queues(self) -> list[str]:
        """The names of the namespace's queues, sorted; what is no name of ours is left out."""
        names = self.execute("SMEMBERS", queues_key(self.namespace))
        return sorted(name for name in map(text, names) if valid_queue(name))

    def inspect(self, ref: JobRef) -> JobDetail:
        """Everything about a job. Raises: NotFound."""
        return found(self.run(queries.inspect(self.keys(ref.queue), ref.id)), ref)

    def notes(self, queue: str, ids: Sequence[str], *, after: int | None = None) -> list[JobNotes | None]:
        """What up to 1,000 jobs said of themselves; ``after``: with lines behind it, of 10 jobs at most."""
        return self.run(noted.notes(self.keys(queue), ids, after), queue)

    def states(self, queue: str, ids: Sequence[str]) -> list[Standing]:
        """Where up to 1,000 jobs stand, in order; cheap, whatever their size. Raises: InvalidName."""
        look = standing.Look(self.keys(queue), ids)
        while (command := look.command()) is not None:
            look.take(self.run(command, queue))
        return look.found

    def list_jobs(
        self,
        queue: str,
        state: State,
        *,
        limit: int = 100,
        cursor: str = "",
        where: JobFilter | None = None,
    ) -> Page:
        """A page of jobs in one state: scheduled, ready, running or dead. Raises: InvalidOption.

        It may hold fewer jobs than ``limit``, with ``where`` none at all, and yet go on: only a page
        without a cursor is the last.
        """
        look = listing.Look(limit, cursor, where or listing.EVERYTHING)
        return steps.take(self, queue, tenant_lists.list_steps(self.keys(queue), state, look))

    def group_failures(
        self, queue: str, state: State = State.DEAD, *, cursor: str = "", since: datetime | None = None
    ) -> GroupPage:
        """Failed jobs by cause: dead ones, or scheduled ones that failed before. Raises: InvalidOption.

        A page looks at up to 1,000 jobs: go on until its cursor is empty, and join them by `merge_groups`.
        """
        since_ms = None if since is None else instant_ms(since)
        return self.run(listing.group_failures(self.keys(queue), state, cursor, since_ms))

    def snapshot(self, queue: str, minutes: int = 0, counted: int = 0) -> QueueSnapshot:
        """A queue at one moment, with its last minutes, and the counts of those before them."""
        return self.run(queries.snapshot(self.keys(queue), minutes, counted))

    def snapshots(self, queues: Sequence[str], minutes: int = 0, counted: int = 0) -> list[QueueSnapshot]:
        """Several queues, a hundred in one round trip; each with its past as `snapshot`."""
        return self.run_all([queries.snapshot(self.keys(queue), minutes, counted) for queue in queues])

    def workers(self, queue: str) -> list[WorkerInfo]:
        """The live workers of a queue."""
        return self.workers_of([queue])

    def workers_of(self, queues: Sequence[str]) -> list[WorkerInfo]:
        """The live workers of several queues, queue by queue; a worker of two queues comes twice."""
        keys = {queue: self.keys(queue) for queue in queues}
        leases = [
            lease
            for rows in self.run_all([queries.list_workers(each) for each in keys.values()])
            for lease in rows
        ]
        found: list[WorkerInfo] = []
        for start in range(0, len(leases), PIPELINE):
            part = leases[start : start + PIPELINE]
            calls = [("HGETALL", keys[lease.queue].worker(lease.id)) for lease in part]
            replies = self._ask(calls)
            found += [describe(lease, reply) for lease, reply in zip(part, replies, strict=True)]
        return found

    def held(self, queue: str, worker: str, *, limit: int = 100) -> list[HeldJob]:
        """The jobs in the hands of a worker, by its id in that queue; at most so many of each level."""
        return self.run(observe.held(self.keys(queue), worker, limit))

    def place(self, ref: JobRef, *, worker: str = "", most: int = 100_000) -> Place | None:
        """Where a ready or running job stands; at most so many jobs ahead of it are counted, in steps.

        ``worker``: who holds it, as `inspect` says, to see its unread orders. None: it is neither.
        """
        search = observe.PlaceSearch(self.keys(ref.queue), ref.id, worker, most)
        while (command := search.command()) is not None:
            search.take(self.run(command))
        return search.found

    def gates(self, queue: str, job_id: str = "") -> limits.Gates:
        """The limits of a queue as they stand, or those that one of its jobs is under; at most 100."""
        return self.run(limiting.gates(self.keys(queue), job_id))

    def audit(self, queue: str) -> Audit:
        """What does not add up in a queue: a bounded look."""
        return self.run(observe.audit(self.keys(queue)))

    def probe(self, queue: str) -> Probe:
        """Whether the server takes writes, in one round trip. Raises: ServerFull, ServerError, …"""
        return self.run(observe.probe(self.keys(queue)))

    def time(self) -> datetime:
        """The server's clock."""
        seconds, micros = self.execute("TIME")
        return moment(int(seconds) * 1000 + int(micros) // 1000)

    def info(self) -> dict[str, str]:
        """All that the server says of itself, by INFO's names. Raises: AccessDenied, ServerUnreachable."""
        return info_fields(self.execute("INFO"))

    def failures(self, queue: str, *, limit: int = 100) -> list[FailedAttempt]:
        """The latest failed attempts, newest first; the server keeps about a thousand."""
        entries = self.execute("XREVRANGE", self.keys(queue).failures, "+", "-", "COUNT", limit)
        return [queries.read_failure(queue, entry) for entry in entries]

    def follow(self, tail: Tail, queues: Sequence[str], *, wait: timedelta = _A_SECOND) -> list[Event]:
        """What ended, or failed, in the queues since the last call, oldest first.

        Waits up to ``wait`` (at most 5 s) for the first event. Without a queue it returns at once.
        """
        fresh = tail.unknown(queues)
        if fresh:
            tail.add([self.keys(queue) for queue in fresh], self.execute("TIME"))
        if calls := tail.renewals():
            self._ask(calls)
        if not tail.follows:
            return []
        return tail.read(self.execute(*tail.words(wait)))

    # -- operating ----------------------------------------------------------------------------

    def retry(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Dead jobs become ready, scheduled ones due now; at most 1,000 a call."""
        return self.run(operate.retry(self.keys(queue), ids))

    def cancel(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Waiting jobs are removed; the workers of running ones are told to stop them."""
        keys = self.keys(queue)
        cancelled = self.run(operate.cancel(keys, ids))
        for row in cancelled:
            if row.worker:
                self.run(work.tell(keys, row.worker, cancel_order(row.change.ref.id), CANCEL_ORDER_MS))
        return [row.change for row in cancelled]

    def bury(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Scheduled jobs go to the dead letter queue: no further attempt; at most 1,000 a call."""
        return self.run(operate.bury(self.keys(queue), ids))

    def delete(self, queue: str, ids: Sequence[str]) -> list[Change]:
        """Dead jobs are removed for good."""
        return self.run(operate.delete(self.keys(queue), ids))

    def purge(
        self, queue: str, state: State, *, older_than: timedelta | None = None, limit: int = 1000
    ) -> int:
        """Removes at most ``limit`` jobs of a state; call until it returns 0."""
        purge = tenant_lists.purge_steps(self.keys(queue), state, self.before(older_than), limit)
        return steps.take(self, queue, purge)

    def pause(self, queue: str) -> bool:
        """Stops claims. True when it was not paused before."""
        return self.run(operate.pause(self.keys(queue)))

    def drain(self, queue: str) -> bool:
        """Takes no more jobs in; workers go on. True when it was open before. Raises: Refused when paused."""
        return self.run(operate.drain(self.keys(queue)))

    def resume(self, queue: str) -> bool:
        """Lets claims go on, and producers in. True when it was paused or draining before."""
        return self.run(operate.resume(self.keys(queue)))

    def configure(  # noqa: PLR0913 - named options of the public API
        self,
        queue: str,
        *,
        max_jobs: int | None = None,
        max_bytes: int | None = None,
        dead_max: int | None = None,
        dead_age: timedelta | None = None,
        slo: timedelta | None = None,
        notes: bool | None = None,
        rate: str | None = None,
        max_running: int | limits.Off | None = None,
        key_max_running: int | limits.Off | None = None,
        tasks: Mapping[str, limits.TaskLimits] | None = None,
    ) -> None:
        """Sets limits of a queue; 0 goes back to the default. Raises: InvalidOption.

        ``max_bytes``: about so much of the server's memory; each enqueue looks, which costs it some 20 µs.
        ``slo``: how long a job may wait until it starts; nothing is refused for it, alerts and views tell.
        ``notes=False``: what jobs say of themselves is not kept. ``rate``: jobs that start, such as 100/s,
        6000/m or 1/10s burst 3; ``max_running``: jobs that run; ``key_max_running``: the same of each
        concurrency key (else 1); ``tasks``: the same for single tasks. They hold for all workers together;
        "off" is no limit, whatever code says.
        """
        flow = limits.stored(rate=rate, max_running=max_running, key_max_running=key_max_running, tasks=tasks)
        settings = limits_of(max_jobs, max_bytes, dead_max, dead_age, slo, notes)
        self.run(operate.configure(self.keys(queue), {**settings, **flow}))

    def stop_worker(self, queue: str, worker: str, *, now: bool = False) -> None:
        """Tells a worker to end in good order, as on SIGTERM; ``now``: without waiting for running jobs.

        ``worker``: the id it has in that queue. If it is alive it reads the order at once. Safe to repeat.
        """
        self.run(work.tell(self.keys(queue), worker, STOP_NOW if now else STOP, STOP_ORDER_MS))

    def remove(self, queue: str) -> int:
        """Removes a queue with all its jobs, running ones too. Returns how many keys it had."""
        removed = steps.take(self, queue, tenant_lists.remove_steps(self.keys(queue)))
        self.execute("SREM", queues_key(self.namespace), queue)
        self.announced.discard(queue)
        return removed
