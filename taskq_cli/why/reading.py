"""Reads the facts of queues and jobs: a handful of bounded calls each."""

from __future__ import annotations

from taskq_cli.queue_views import MINUTES
from taskq_cli.why.facts import JobFacts, QueueFacts
from taskq_core import Client, JobRef, NotFound, Standing, State

SAMPLE = 100
"""Jobs at the head of a queue whose tasks are compared with what its workers know."""


class Reader:
    """Reads facts; those of a queue once in a while for many of its jobs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def queue(self, name: str, *, sample: bool = True) -> QueueFacts:
        """The facts of a queue."""
        client = self._client
        tasks: set[str] = set()
        if sample:
            page = client.list_jobs(name, State.READY, limit=SAMPLE)
            tasks = {job.task for job in page.jobs}
        workers = tuple(client.workers(name))
        # last, so that its clock is the newest of all
        return QueueFacts(
            client.snapshot(name, MINUTES), workers, client.audit(name), tasks, client.gates(name)
        )

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
        gates = tenant = None
        if job.state is State.READY:
            gates = client.gates(ref.queue, ref.id)
            tenant = None if ref.tenant is None else client.tenants.get(ref.queue, ref.tenant)
        return JobFacts(job, self.queue(ref.queue, sample=False), place, gates, tenant)

    def ended(self, ref: JobRef) -> bool:
        """Whether a job that is not there has ended, as far as that can be told."""
        return self._client.states(ref.queue, [ref.id])[0] is Standing.ENDED


def no_such_job(ref: JobRef) -> NotFound:
    """The error of an id that never was."""
    return NotFound(f"no job {ref}", hint=f"No job of that id was ever made in queue {ref.queue!r}")
