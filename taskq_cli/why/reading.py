"""Reads the facts of queues and jobs: a handful of bounded calls each."""

from __future__ import annotations

import time

from taskq_cli.queue_views import MINUTES
from taskq_cli.why.facts import JobFacts, QueueFacts
from taskq_core import (
    Client,
    GroupInfo,
    GroupRef,
    HeldTenants,
    JobDetail,
    JobRef,
    NotFound,
    Standing,
    State,
    TenantInfo,
)

SAMPLE = 100
"""Jobs at the head of a queue whose tasks are compared with what its workers know."""
PAGES = 4
"""Pages of tenants, of 500 each, whose turns are reckoned with."""
NAMED = 100
GROUPS = 200
FRESH_S = 2.0


class Reader:
    """Reads facts; those of a queue once in a while for many of its jobs."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._crowds: dict[str, tuple[float, tuple[TenantInfo, ...]]] = {}

    def queue(self, name: str, *, sample: bool = True) -> QueueFacts:
        """The facts of a queue."""
        client = self._client
        tasks: set[str] = set()
        if sample:
            page = client.list_jobs(name, State.READY, limit=SAMPLE)
            tasks = {job.task for job in page.jobs}
        workers = tuple(client.workers(name))
        # after them, so that its clock is newer
        snapshot = client.snapshot(name, MINUTES)
        held = client.tenants.held(name, limit=NAMED) if snapshot.held_by_tenants else HeldTenants()
        groups = client.groups.unfinished(name, limit=GROUPS) if snapshot.groups and sample else ()
        return QueueFacts(snapshot, workers, client.audit(name), tasks, client.gates(name), held, groups)

    def job(self, ref: JobRef) -> JobFacts:
        """The facts of a job. Raises: NotFound."""
        client = self._client
        job = client.inspect(ref)
        place = None
        if job.state in (State.READY, State.RUNNING):
            place = client.place(ref, worker=job.worker or "")
            if place is None or (place.holder is None) is (job.state is State.RUNNING):
                # it moved on between the two looks; the second pair is as good as a first
                job = client.inspect(ref)
                place = client.place(ref, worker=job.worker or "")
        queue = self.queue(ref.queue, sample=False)
        if job.state is not State.READY:
            return JobFacts(job, queue, place, group=self._group(job))
        tenant = None if ref.tenant is None else client.tenants.get(ref.queue, ref.tenant)
        crowd = self._crowd(ref.queue) if queue.snapshot.tenants else ()
        return JobFacts(job, queue, place, client.gates(ref.queue, ref.id), tenant, crowd)

    def _crowd(self, queue: str) -> tuple[TenantInfo, ...]:
        """The first tenants of a queue by name."""
        read_at, known = self._crowds.get(queue, (0.0, ()))
        if time.monotonic() - read_at < FRESH_S:
            return known
        found: list[TenantInfo] = []
        cursor = ""
        for _ in range(PAGES):
            page = self._client.tenants.list(queue, cursor=cursor)
            found += page.tenants
            cursor = page.cursor
            if not cursor:
                break
        self._crowds[queue] = time.monotonic(), tuple(found)
        return tuple(found)

    def _group(self, job: JobDetail) -> GroupInfo | None:
        """The group that a dead job is a member of."""
        if job.state is not State.DEAD or job.group is None:
            return None
        try:
            return self._client.groups.get(GroupRef(job.ref.queue, job.group))
        except NotFound:  # it was forgotten
            return None

    def ended(self, ref: JobRef) -> bool:
        """Whether a job that is not there has ended, as far as that can be told."""
        return self._client.states(ref.queue, [ref.id])[0] is Standing.ENDED


def no_such_job(ref: JobRef) -> NotFound:
    """The error of an id that never was."""
    return NotFound(f"no job {ref}", hint=f"No job of that id was ever made in queue {ref.queue!r}")
