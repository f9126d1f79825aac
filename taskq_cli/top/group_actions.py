"""Changes of whole groups of failures, of workers, and new jobs: planned as those of single jobs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from taskq_cli.key_values import payload_of
from taskq_cli.sanitize import clean
from taskq_cli.top.actions import BURY, DELETE, GONE_FOR_GOOD, MOST_JOBS, SAMPLE, JobVerb, Plan, change_jobs
from taskq_core import (
    DEFAULT_OPTIONS,
    Client,
    JobDetail,
    JobFilter,
    JobOptions,
    JobRef,
    State,
    UsageError,
    WorkerProcess,
    check_payload,
    check_queue,
    check_task,
    processes_of,
)

PAGE: Final = 1_000
SHOWN_PAYLOAD: Final = 400


# -- groups of failures ----------------------------------------------------------------------------


@dataclass(slots=True)
class GroupPlanner:
    """A verb for all jobs of some causes. Jobs that died after it was first planned are not part of it.

    A group that grows while one reads the question would else be another one at each look.
    """

    verb: JobVerb
    fingerprints: Sequence[str]
    queues: Sequence[str]
    _before: datetime | None = None

    @property
    def state(self) -> State:
        """The state of the jobs in question: buried are those that would be tried again."""
        return State.SCHEDULED if self.verb is BURY else State.DEAD

    def __call__(self, client: Client) -> Plan:
        """The plan. Raises: UsageError when there is no such job."""
        refs = self._find(client)
        if not refs:
            raise UsageError(f"no {self.state} job in this group to {self.verb.name}")
        name = self.fingerprints[0] if len(self.fingerprints) == 1 else f"{len(self.fingerprints)} groups"
        where = ", ".join(sorted({ref.queue for ref in refs})[:SAMPLE])
        commands = [
            shlex.join(["taskq", self.verb.name, "--group", one, "--yes"]) for one in self.fingerprints
        ]
        return Plan(
            title=f"{self.verb.name.capitalize()} {len(refs):,} {self.state} jobs of {where} ({name})",
            command=" && ".join(commands[:SAMPLE]),
            targets=frozenset(map(str, refs)),
            sample=tuple(str(ref) for ref in refs[:SAMPLE]),
            run=lambda client: change_jobs(client, self.verb, refs),
            warning=self._warning(len(refs)),
            # jobs wait for a next attempt now and run in a moment: their list is never the same twice
            fluid=self.verb is BURY,
        )

    def _find(self, client: Client) -> list[JobRef]:
        if self.verb is not BURY and self._before is None:
            self._before = client.time()
        found: list[JobRef] = []
        for fingerprint in self.fingerprints:
            where = JobFilter(group=fingerprint, before=self._before)
            for queue in self.queues:
                found += self._of_queue(client, queue, where, MOST_JOBS - len(found))
        return found

    def _of_queue(self, client: Client, queue: str, where: JobFilter, most: int) -> list[JobRef]:
        found: list[JobRef] = []
        cursor = ""
        while len(found) < most:
            limit = min(PAGE, most - len(found))
            page = client.list_jobs(queue, self.state, limit=limit, cursor=cursor, where=where)
            found += [job.ref for job in page.jobs]
            cursor = page.cursor
            if not cursor:
                break
        return found

    def _warning(self, count: int) -> str:
        more = f"There may be more than these {count:,}." if count >= MOST_JOBS else ""
        return " ".join(part for part in (more, GONE_FOR_GOOD if self.verb is DELETE else "") if part)


# -- workers ---------------------------------------------------------------------------------------


def plan_stop(client: Client, ids: Sequence[str]) -> Plan:
    """Tells workers to stop in good order. Raises: UsageError when none of them is alive."""
    alive = processes_of(client.workers_of(client.queues()))
    workers = [worker for worker in alive if worker.id in ids]
    if not workers:
        raise UsageError("no live worker is chosen")
    busy = sum(worker.latest.busy for worker in workers)

    def run(client: Client) -> str:
        for worker in workers:
            for lease in worker.leases:
                client.stop_worker(lease.queue, lease.id)
        return f"told {_workers(workers)} to stop"

    return Plan(
        title=f"Stop {_workers(workers)}",
        command=shlex.join(
            ["taskq", "workers", "stop", *(worker.id for worker in workers[:SAMPLE]), "--yes"]
        ),
        targets=frozenset(worker.id for worker in workers),
        sample=tuple(_described(worker) for worker in workers[:SAMPLE]),
        run=run,
        warning=f"Their {busy:,} running jobs may finish; no other is started there.",
    )


def _workers(workers: Sequence[WorkerProcess]) -> str:
    return f"worker {workers[0].id}" if len(workers) == 1 else f"{len(workers)} workers"


def _described(worker: WorkerProcess) -> str:
    latest = worker.latest
    return f"{latest.host}:{latest.pid} {', '.join(worker.queues)} {latest.busy} of {latest.slots} busy"


# -- new jobs --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """A job to be enqueued. ``words``: as they were typed; empty for an edited payload."""

    queue: str
    task: str
    payload: bytes
    options: JobOptions = DEFAULT_OPTIONS
    words: tuple[str, ...] = ()
    warning: str = ""

    def plan(self, client: Client) -> Plan:
        """The plan to enqueue it."""

        def run(client: Client) -> str:
            receipt = client.enqueue(self.queue, self.task, self.payload, self.options)
            if receipt.duplicate:
                return f"nothing was enqueued: {receipt} holds the key {self.options.unique}"
            return f"enqueued {receipt}"

        words = self.words or ("--payload", self.payload.decode(errors="replace"))
        return Plan(
            title=f"Enqueue 1 job of {self.task} into {self.queue}",
            command=shlex.join(["taskq", "enqueue", self.task, *words, "-q", self.queue]),
            targets=frozenset({f"{self.task} {self.queue}"}),
            sample=(clean(self.payload.decode(errors="replace"), SHOWN_PAYLOAD),),
            run=run,
            warning=self.warning,
        )


def draft_of(line: str, queue: str) -> Draft:
    """The job that `TASK key=value …` is, read as by `taskq enqueue`. Raises: UsageError, InvalidPayload."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{clean(line)!r}: {error}", hint="TASK key=value key:=json") from None
    if not words:
        raise UsageError("no task", hint="TASK key=value key:=json")
    task, *pairs = words
    return Draft(check_queue(queue), check_task(task), payload_of(None, pairs), words=tuple(pairs))


def _compact(payload: bytes) -> bytes:
    return msgspec.json.format(payload, indent=-1)


def edited(job: JobDetail, payload: str) -> Draft:
    """The same job with another payload, as a new one. Raises: InvalidPayload."""
    options = JobOptions(
        priority=job.priority, retries=job.retries, timeout=job.timeout, unique=job.unique, keep=job.keep
    )
    return Draft(
        job.ref.queue, check_task(job.task), _compact(check_payload(payload)), options,
        warning=f"{job.ref} stays as it is; D deletes it when it is dead, K cancels it when it waits.",
    )  # fmt: skip
