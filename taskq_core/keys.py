"""All key names, made here and nowhere else.

Keys of a queue share one hash tag, ``{namespace/queue}``, so a queue lives in one Cluster slot.
"""

from __future__ import annotations

from functools import lru_cache

from taskq_core.names import check_namespace, check_queue

LEVELS = "chnl"
ORPHAN = "-"
"""The consumer that holds what nobody alive owns."""


class QueueKeys:
    """The keys of one queue, as strings."""

    __slots__ = (
        "dead", "dead_jobs", "due", "events", "failures", "history", "imported", "jobs", "leases", "lock",
        "meta", "moved", "namespace", "queue", "revoked", "root", "schedule_runs", "schedule_times",
        "schedules", "stats", "streams", "suspects", "tail", "wake",
    )  # fmt: skip

    def __init__(self, namespace: str, queue: str) -> None:
        self.namespace = check_namespace(namespace)
        self.queue = check_queue(queue)
        self.root = f"taskq:{{{namespace}/{queue}}}:"
        self.streams = tuple(self.root + level for level in LEVELS)
        self.jobs = self.root + "jobs"
        self.due = self.root + "due"
        self.moved = self.root + "moved"
        self.dead = self.root + "dead"
        self.dead_jobs = self.root + "dead:jobs"
        self.leases = self.root + "leases"
        self.revoked = self.root + "revoked"
        self.lock = self.root + "lock"
        self.suspects = self.root + "suspects"
        self.wake = self.root + "wake"
        self.meta = self.root + "meta"
        self.stats = self.root + "stats"
        self.history = self.root + "t"
        self.failures = self.root + "failures"
        self.events = self.root + "events"
        self.imported = self.root + "imported"
        self.tail = self.root + "tail"
        self.schedules = self.root + "schedules"
        self.schedule_times = self.root + "schedules:next"
        self.schedule_runs = self.root + "schedules:runs"

    def worker(self, worker: str) -> str:
        """What a worker says of itself."""
        return f"{self.root}worker:{worker}"

    def told(self, worker: str) -> str:
        """Orders to one worker, such as the cancellation of a job it runs."""
        return f"{self.root}told:{worker}"

    def unique(self, key: str) -> str:
        """A uniqueness lock."""
        return f"{self.root}unique:{key}"

    def result(self, job_id: str) -> str:
        """The kept outcome of a job."""
        return f"{self.root}result:{job_id}"

    def producer(self, session: str) -> str:
        """The last call of a producer session, and its reply."""
        return f"{self.root}producer:{session}"


@lru_cache(maxsize=4096)
def queue_keys(namespace: str, queue: str) -> QueueKeys:
    """The keys of a queue. Raises: InvalidName."""
    return QueueKeys(namespace, queue)


def queues_key(namespace: str) -> str:
    """The set of a namespace's queue names."""
    return f"taskq:{check_namespace(namespace)}:queues"
