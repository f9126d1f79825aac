"""One queue on a real server, worked by hand: each step of a job's life is one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from taskq_core import Client, JobOptions, State
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import work
from taskq_core.commands.work import Acks, End
from taskq_core.job import JobDetail
from taskq_core.names import JobRef
from taskq_core.worker.verdict import Limits, failed_run
from tests.dump import Dump, dump
from tests.servers import Server

T = TypeVar("T")
LONG_MS = 60_000


class Rig:
    """A queue, its keys, and workers that are only names."""

    def __init__(self, server: Server, protocol: int, queue: str = "q") -> None:
        self.raw: Any = server.raw
        self.url = f"{server.url}?protocol={protocol}"
        self.client = Client(self.url, deadline=5)
        self.queue = queue
        self.keys = self.client.keys(queue)

    def run(self, command: Command[T]) -> T:
        return self.client.run(command, self.queue)

    def dump(self, *without: str) -> Dump:
        return dump(self.raw, ("wake", *without))

    # -- producing ------------------------------------------------------------------------

    def add(
        self, count: int = 1, task: str = "t", payload: Mapping[str, Any] | None = None, **options: Any
    ) -> list[str]:
        """Ids of new jobs; ``options`` are fields of JobOptions."""
        payloads = [payload or {"n": n} for n in range(count)]
        receipts = self.client.enqueue_many(self.queue, task, payloads, JobOptions(**options))
        return [receipt.id for receipt in receipts]

    def state(self, job_id: str) -> State:
        return self.detail(job_id).state

    def detail(self, job_id: str) -> JobDetail:
        return self.client.inspect(JobRef(self.queue, job_id))

    # -- working --------------------------------------------------------------------------

    def hire(self, worker: str = "w1", lease_ms: int = LONG_MS) -> str:
        assert self.run(work.register(self.keys, worker, lease_ms, {"host": "h"})) > 0
        return worker

    def claim(self, worker: str = "w1", want: int = 1, order: str = "chnl") -> list[Job]:
        claim = self.run(work.claim(self.keys, worker, work.Wanted(want, order, alone=True)))
        assert claim.state in ("ok", "alone")
        return self.jobs(claim)

    def claim_suspect(self, worker: str) -> Job:
        """The job that crashed workers before, for a worker that holds nothing."""
        claim = self.run(work.claim(self.keys, worker, work.Wanted(100, alone=True)))
        assert claim.state == "alone"
        (job,) = self.jobs(claim)
        return job

    def make_suspect(self, job_id: str) -> None:
        """Two workers die of the job, the only one that is ready."""
        for crash in (1, 2):
            self.hire(f"victim{crash}")
            assert [job.id for job in self.claim(f"victim{crash}")] == [job_id]
            self.take_over(f"victim{crash}")

    def jobs(self, claim: work.Claim) -> list[Job]:
        return [
            work.job_of(self.queue, stream, entry, fields, claim.deliveries.get((stream, entry), 1))
            for stream, entries in claim.batches
            for entry, fields in entries
        ]

    def ack(self, worker: str, *jobs: Job, counter: str = "done", result: bytes = b"") -> int:
        return self.run(self.acking(worker, *jobs, counter=counter, result=result))

    def acking(self, worker: str, *jobs: Job, counter: str = "done", result: bytes = b"") -> Command[int]:
        acks = Acks()
        for job in jobs:
            acks.entries.setdefault((counter, job.stream), []).append(job.entry)
            if job.meta.id:
                acks.moved.append(job.meta.id)
            if job.meta.keep or job.meta.unique:
                acks.ends.append(End(job.id, result, job.meta.keep, job.meta.unique))
        return work.ack(self.keys, worker, acks)

    def failing(
        self, worker: str, *jobs: Job, retries: int = 0, delay_ms: int = 1, revoked: bool = False
    ) -> Command[int]:
        """A failed attempt of each job; without retries it is buried."""
        limits = Limits(retries, (delay_ms, 1.0, delay_ms), 0)
        runs = [failed_run(job, limits, ValueError("no")) for job in jobs]
        return work.fail(self.keys, worker, runs, revoked=revoked)

    def bury(self, count: int = 1, worker: str = "w1", **options: Any) -> list[str]:
        """Ids of new jobs that are dead."""
        ids = self.add(count, **options)
        jobs = self.claim(worker, count)
        assert self.run(self.failing(worker, *jobs)) == count
        return ids

    def promote(self, limit: int = 100) -> tuple[int, int]:
        return self.run(work.promote(self.keys, limit))

    def make_due(self, *ids: str) -> None:
        """Lets time pass for scheduled jobs."""
        for number, job_id in enumerate(ids, start=1):
            assert self._set_score(self.keys.due, job_id, number) == 1

    # -- dying ----------------------------------------------------------------------------

    def expire(self, worker: str) -> str:
        """Lets a lease run out; the expiry a maintainer sees then."""
        assert self._set_score(self.keys.leases, worker, 1000) == 1
        return "1000"

    def _set_score(self, key: str, member: str, score: int) -> int:
        """Changes a time by hand, on a full server too."""
        script = "#!lua flags=allow-oom\nreturn redis.call('ZADD', KEYS[1], 'XX', 'CH', ARGV[1], ARGV[2])"
        changed: int = self.raw.eval(script, 1, key, score, member)
        return changed

    def reclaim(self, worker: str, expiry: str = "", crashes: int = 3) -> work.Reclaimed:
        return self.run(work.reclaim(self.keys, worker, expiry, crashes))

    def take_over(self, worker: str, crashes: int = 3) -> int:
        """Reclaims all of a worker that fell silent; how many jobs were moved."""
        expiry, moved = self.expire(worker), 0
        while (step := self.reclaim(worker, expiry, crashes)).state == "more":
            moved += step.moved
        assert step.state == "gone"
        return moved

    # -- counting -------------------------------------------------------------------------

    def totals(self) -> dict[str, int]:
        return {name.decode(): int(n) for name, n in self.raw.hgetall(self.keys.stats).items()}

    def pending(self, worker: str) -> dict[tuple[str, bytes], int]:
        """Stream and entry of what is in a worker's name, with the delivery counts."""
        return {(stream, entry): n for stream, entry, n in self.run(work.pending(self.keys, worker))}
