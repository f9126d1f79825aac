"""What a worker counts: a few additions for each batch of outcomes, made into a sheet when somebody asks.

Safe to use from several threads: the event loop and the heartbeat count, the endpoint's threads read.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from taskq_core.metrics.catalogue import OP_BUCKETS_S, RUN_BUCKETS_S, WAIT_BUCKETS_S
from taskq_core.metrics.labels import MAX_QUEUES, MAX_TASKS, OTHER, UNKNOWN
from taskq_core.metrics.sheet import Distribution, Labels, Sheet, Value

OUTCOMES: Final = ("done", "failed", "timeout", "cancelled", "lost")
OPS: Final = (
    "register", "heartbeat", "claim", "promote", "ack", "fail", "release", "watch", "reclaim", "pending",
    "adopt", "announce", "tell", "retire", "cancel", "list_due", "fire", "add_schedule", "pause_schedule",
)  # fmt: skip
SLEEP: Final = "sleep"
"""The wait for work: its failures count, and how long it lasts is no figure."""
KINDS: Final = ("unreachable", "full", "denied", "error")
_FOLD_EVERY: Final = 64
"""Batches between two times at which run times are put into buckets: until then equal ones are counted."""


class Ended(Protocol):
    """Of a job: its task, how long its attempt ran in µs (< 0: not known), whether it ran too long."""

    raw_task: bytes
    took_us: int
    timed_out: bool


class Meter:
    """Counts for one worker. ``served``: its queues with the tasks it knows.

    All series are there from the start, at zero. Tasks beyond the limit are counted together, and so is all
    that no handler is registered for: what a job says its task is makes no series.
    """

    def __init__(self, served: Mapping[str, Iterable[bytes]]) -> None:
        self._lock = threading.Lock()
        self._task_labels: dict[str, dict[bytes, Labels]] = {}
        self._queue_labels: dict[str, Labels] = {}
        room = MAX_TASKS
        for position, (queue, tasks) in enumerate(served.items()):
            name = queue if position < MAX_QUEUES else OTHER
            self._queue_labels[queue] = (name,)
            known = self._task_labels[queue] = {}
            for task in sorted(tasks):
                known[task] = (name, task.decode() if room > 0 else OTHER)
                room -= 1
        self._runs: dict[tuple[str, str], dict[bytes, dict[int, int]]] = {}
        self._batches = 0
        self._away = False
        self._waits: dict[str, dict[int, int]] = {}
        self._sheet = self._zeros()

    def _zeros(self) -> Sheet:
        queues = set(self._queue_labels.values())
        jobs = {labels for known in self._task_labels.values() for labels in known.values()}
        jobs |= {(*queue, UNKNOWN) for queue in queues}
        outcomes = [(*job, outcome) for job in sorted(jobs) for outcome in OUTCOMES]
        return {
            "taskq_job_attempts_total": dict.fromkeys(outcomes, 0),
            "taskq_jobs_retried_total": dict.fromkeys(sorted(jobs), 0),
            "taskq_jobs_dead_total": dict.fromkeys(sorted(jobs), 0),
            "taskq_job_run_seconds": {job: Distribution.empty(RUN_BUCKETS_S) for job in sorted(jobs)},
            "taskq_job_wait_seconds": {queue: Distribution.empty(WAIT_BUCKETS_S) for queue in sorted(queues)},
            "taskq_leases_lost_total": dict.fromkeys(sorted(queues), 0),
            "taskq_jobs_recovered_total": dict.fromkeys(sorted(queues), 0),
            "taskq_redis_op_seconds": {(op,): Distribution.empty(OP_BUCKETS_S) for op in OPS},
            "taskq_redis_errors_total": {(op, kind): 0 for op in (*OPS, SLEEP) for kind in KINDS},
            "taskq_redis_reconnects_total": {(): 0},
        }

    # -- jobs -----------------------------------------------------------------------------

    def ended(self, queue: str, outcome: str, jobs: Iterable[Ended | None]) -> None:
        """Attempts that ended, as the server confirmed in one go."""
        with self._lock:
            runs = self._runs.get((queue, outcome))
            if runs is None:
                runs = self._runs[queue, outcome] = defaultdict(lambda: defaultdict(int))
            for job in jobs:
                if job is not None:
                    runs[job.raw_task][job.took_us] += 1
            self._batches += 1
            if self._batches >= _FOLD_EVERY:
                self._fold()

    def failed(self, queue: str, jobs: Sequence[tuple[Ended, bool]]) -> None:
        """Attempts that failed, as the server confirmed in one go, and whether the job was buried."""
        for outcome, wanted in (("failed", False), ("timeout", True)):
            self.ended(queue, outcome, [job for job, _ in jobs if job.timed_out is wanted])
        with self._lock:
            for job, buried in jobs:
                name = "taskq_jobs_dead_total" if buried else "taskq_jobs_retried_total"
                self._count(name, self._job(queue, job.raw_task))

    def buried(self, queue: str, jobs: Iterable[Ended]) -> None:
        """Jobs that were buried for killing workers, of which no attempt ended here."""
        with self._lock:
            for job in jobs:
                self._count("taskq_jobs_dead_total", self._job(queue, job.raw_task))

    def waited(self, queue: str, times_ms: Mapping[int, int]) -> None:
        """How long jobs waited: how many for so many ms."""
        with self._lock:
            waits = self._waits.setdefault(queue, defaultdict(int))
            for ms, times in times_ms.items():
                waits[ms] += times

    def lease_lost(self, queue: str) -> None:
        """A lease is gone."""
        with self._lock:
            self._count("taskq_leases_lost_total", self._queue_labels[queue])

    def recovered(self, queue: str, jobs: int) -> None:
        """Jobs were taken over from a worker that fell silent."""
        with self._lock:
            self._count("taskq_jobs_recovered_total", self._queue_labels[queue], jobs)

    # -- the server -----------------------------------------------------------------------

    def answered(self, op: str, seconds: float) -> None:
        """A call was answered after so long. ``op``: the verb of one of our scripts."""
        with self._lock:
            times = self._sheet["taskq_redis_op_seconds"]
            if (op,) not in times:
                times[op,] = Distribution.empty(OP_BUCKETS_S)
            times[op,].add(seconds)
            if self._away:
                self._away = False
                self._count("taskq_redis_reconnects_total", ())

    def refused(self, op: str, kind: str) -> None:
        """A call failed. One outage counts once, whichever clients meet it."""
        with self._lock:
            self._away = self._away or kind == "unreachable"
            self._count("taskq_redis_errors_total", (op, kind))

    # -- reading --------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        """All counters and histograms as they are now."""
        with self._lock:
            self._fold()
            return {
                name: {labels: _copied(value) for labels, value in values.items()}
                for name, values in self._sheet.items()
            }

    def _count(self, name: str, labels: Labels, times: int = 1) -> None:
        values = self._sheet[name]
        values[labels] = values.get(labels, 0) + times

    def _job(self, queue: str, task: bytes) -> Labels:
        return self._task_labels[queue].get(task) or (*self._queue_labels[queue], UNKNOWN)

    def _fold(self) -> None:
        self._batches = 0
        for (queue, outcome), tasks in self._runs.items():
            for task, times in tasks.items():
                job = self._job(queue, task)
                self._count("taskq_job_attempts_total", (*job, outcome), sum(times.values()))
                if outcome in ("done", "failed", "timeout"):
                    known = {us: count for us, count in times.items() if us >= 0}
                    _add_all(self._sheet["taskq_job_run_seconds"][job], known, 1_000_000)
        self._runs.clear()
        for queue, times in self._waits.items():
            _add_all(self._sheet["taskq_job_wait_seconds"][self._queue_labels[queue]], times, 1_000)
        self._waits.clear()


def _add_all(into: Distribution, times: Mapping[int, int], per_second: int) -> None:
    for time, count in times.items():
        into.add(time / per_second, count)


def _copied(value: Value) -> Value:
    return value.copy() if isinstance(value, Distribution) else value
