"""All key names, made here and nowhere else.

Keys of a queue share one hash tag, ``{namespace/queue}``, so a queue lives in one Cluster slot.
"""

from __future__ import annotations

import copy
from functools import lru_cache

from taskq_core.names import check_namespace, check_queue, check_tenant

LEVELS = "chnl"
ORPHAN = "-"
"""The consumer that holds what nobody alive owns."""
HELD = "~"
"""The consumer of what a limit holds."""
IDLE = ("", ORPHAN, HELD)
"""Who has a job that waits."""


def stream_id(stream: str, entry: str) -> str:
    """The id of a job that was ready at birth: its stream's level, its entry, and whose it is."""
    return stream[0] + entry + stream[1:]


class QueueKeys:
    """The keys of one queue, as strings."""

    __slots__ = (
        "dead",
        "dead_jobs",
        "due",
        "events",
        "failures",
        "groups",
        "history",
        "imported",
        "jobs",
        "leases",
        "lock",
        "meta",
        "moved",
        "namespace",
        "opens",
        "places",
        "queue",
        "revoked",
        "root",
        "running",
        "schedule_runs",
        "schedule_times",
        "schedules",
        "stats",
        "streams",
        "suspects",
        "tail",
        "tail_notes",
        "tat",
        "tenants",
        "tenants_set",
        "told_notes",
        "wake",
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
        self.opens = self.root + "opens"
        self.places = self.root + "places"
        self.running = self.root + "running"
        self.tat = self.root + "tat"
        self.meta = self.root + "meta"
        self.stats = self.root + "stats"
        self.history = self.root + "t"
        self.failures = self.root + "failures"
        self.events = self.root + "events"
        self.imported = self.root + "imported"
        self.tail = self.root + "tail"
        self.tail_notes = self.root + "tail:notes"
        self.told_notes = self.root + "events:notes"
        self.groups = self.root + "groups"
        self.tenants = self.root + "tenants"
        self.tenants_set = self.root + "tenants:set"
        self.schedules = self.root + "schedules"
        self.schedule_times = self.root + "schedules:next"
        self.schedule_runs = self.root + "schedules:runs"

    def of_tenant(self, tenant: str) -> QueueKeys:
        """The keys by which scripts look at one tenant's streams instead of those of no tenant."""
        keys = copy.copy(self)
        keys.streams = tuple(f"{stream}@{check_tenant(tenant)}" for stream in self.streams)
        return keys

    def stream_name(self, index: int) -> str:
        """The name of one of its streams, by its place in ``streams``."""
        return self.streams[index][len(self.root) :]

    def worker(self, worker: str) -> str:
        """What a worker says of itself."""
        return f"{self.root}worker:{worker}"

    def told(self, worker: str) -> str:
        """Orders to one worker, such as the cancellation of a job it runs."""
        return f"{self.root}told:{worker}"

    def group(self, group: str) -> str:
        """What is known of a group of jobs."""
        return f"{self.root}group:{group}"

    def unique(self, key: str, owner: str = "") -> str:
        """A uniqueness lock; each tenant has its own. ``owner``: a job's id, or ``@tenant``."""
        _, at, tenant = owner.partition("@")
        return f"{self.root}unique:{at}{tenant}{' ' if at else ''}{key}"  # no key holds a blank

    def result(self, job_id: str) -> str:
        """The kept outcome of a job."""
        return f"{self.root}result:{job_id}"

    def notes(self, job_id: str) -> str:
        """What a job said of itself: progress and log lines."""
        return f"{self.root}notes:{job_id}"

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
