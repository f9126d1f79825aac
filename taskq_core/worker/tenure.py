"""One queue as a worker serves it, and one tenure there: from a registration to the end of its lease.

A worker that lost its lease registers anew under a new name. Jobs know the tenure they were claimed
in, so what an old one still brings in has nowhere to go.
"""

from __future__ import annotations

import math
import os
import secrets
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence

from taskq_core.claimed import Job
from taskq_core.commands.grouping import Conclusion
from taskq_core.commands.work import Acks, End, FailedRun
from taskq_core.histogram import bucket
from taskq_core.keys import QueueKeys
from taskq_core.limits import Stored
from taskq_core.schedule import Schedule
from taskq_core.task import Handler, Policy


def worker_name(random_bytes: int = 16) -> str:
    """A name that no other worker has, or ever had: host, pid, and 128 random bits.

    With fewer it is a name for people, who may tell two workers apart by it.
    """
    host = "".join(c if c.isalnum() or c in "-." else "-" for c in socket.gethostname())[:40]
    return f"{host}:{os.getpid()}:{secrets.token_hex(random_bytes)}"


class Tenure:
    """What a worker holds and owes under one name."""

    __slots__ = (
        "acks", "closing", "conclusions", "deaf_until", "fails", "held", "keys", "lost", "noted", "plain",
        "run_us", "server_offset_ms", "wait_ms", "worker",
    )  # fmt: skip

    def __init__(self, keys: QueueKeys) -> None:
        self.keys = keys
        self.worker = worker_name()
        self.lost = False
        self.held: dict[str, dict[bytes, Job]] = defaultdict(dict)
        """By stream and entry."""
        self.acks = Acks(entries=defaultdict(list))
        self.fails: list[FailedRun] = []
        self.conclusions: list[Conclusion] = []
        """Ends from which something follows: of members of groups, and in chains."""
        self.plain: dict[str, list[bytes]] = defaultdict(list)
        """Entries done, by stream, of jobs with nothing else to end: nearly all of them."""
        # as they were measured: buckets are made at each flush, once for equal times
        self.run_us: dict[int, int] = defaultdict(int)
        self.wait_ms: dict[int, int] = defaultdict(int)
        self.server_offset_ms = 0
        self.noted: dict[int, Job] = {}
        """Jobs that have said something of themselves since it was last sent; threads put themselves in."""
        self.closing: list[tuple[Job, int]] = []
        """Jobs with notes that have ended, and ms that the notes are kept: sent before their end is."""
        self.deaf_until = 0.0  # the queue wants no notes, or the server takes none

    def hold(self, job: Job) -> None:
        """Takes a job in; it counts as held until the server confirmed its end."""
        self.held[job.stream][job.entry] = job

    def drop(self, stream: str, entry: bytes) -> Job | None:
        """Lets go of a job that the server has ended or taken back."""
        return self.drop_all(stream, (entry,))[0]

    def drop_all(self, stream: str, entries: Sequence[bytes]) -> list[Job | None]:
        """As `drop`, for several of one stream."""
        held = self.held[stream]
        jobs = [held.pop(entry, None) for entry in entries]
        if not held and len(stream) > 1:
            del self.held[stream]  # tenants come and go
        return jobs

    def owed(self) -> list[Job | None]:
        """The jobs whose end the server was not told yet."""
        entries = [
            *((stream, entry) for stream, done in self.plain.items() for entry in done),
            *((stream, entry) for (_, stream), ended in self.acks.entries.items() for entry in ended),
            *((run.stream, run.entry) for run in self.fails),
            *((end.stream, end.entry) for end in self.conclusions),
        ]
        return [self.held[stream].get(entry) for stream, entry in entries]

    @property
    def held_count(self) -> int:
        """Jobs that the server holds in this name."""
        return sum(map(len, self.held.values()))

    def find(self, job_id: str) -> Job | None:
        """The held job of an id."""
        return next((job for held in self.held.values() for job in held.values() if job.id == job_id), None)

    def close_notes(self, job: Job, keep_ms: int) -> None:
        """Owes the server the last words of a job that has ended, if it has said anything."""
        if job.notebook is not None:
            self.closing.append((job, max(keep_ms, job.meta.keep)))

    def done(self, job: Job, outcome: bytes) -> None:
        """Owes the server the end of a job. ``outcome`` is kept where the job asked for that."""
        self._end("done", job, outcome)

    def cancelled(self, job: Job, outcome: bytes) -> None:
        """Owes the server the end of a job that was cancelled."""
        self._end("cancelled", job, outcome)

    def _end(self, counter: str, job: Job, outcome: bytes) -> None:
        meta = job.meta
        self.acks.entries[counter, job.stream].append(job.entry)
        if meta.id:
            self.acks.moved.append(meta.id)
        if meta.keep or meta.unique:
            self.acks.ends.append(End(job.id, outcome if meta.keep else b"", meta.keep, meta.unique))

    def take_acks(self, most: int) -> Acks:
        """Up to ``most`` entries of each kind that are owed, with the times of this stretch."""
        acks, self.acks = self.acks, Acks(entries=defaultdict(list))
        plain, self.plain = self.plain, defaultdict(list)
        for stream, done in plain.items():
            acks.entries["done", stream] += done
        for kind, entries in acks.entries.items():
            if len(entries) > most:
                self.acks.entries[kind] = entries[most:]
                acks.entries[kind] = entries[:most]
        # a job's end may travel a call before or after its entry: both are idempotent
        acks.ends, self.acks.ends = acks.ends[:most], acks.ends[most:]
        acks.moved, self.acks.moved = acks.moved[:most], acks.moved[most:]
        self._count_times(acks, "w", self.wait_ms, 1000)
        self._count_times(acks, "r", self.run_us, 1)
        return acks

    @staticmethod
    def _count_times(acks: Acks, letter: str, times: dict[int, int], unit_us: int) -> None:
        for time, n in times.items():
            name = f"{letter}{bucket(time * unit_us)}"
            acks.counts[name] = acks.counts.get(name, 0) + n
        times.clear()

    @property
    def owes(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self.acks.entries or self.fails or self.plain or self.conclusions)


class Subscription:
    """A queue that this worker serves: its handlers, policy and schedules, and the present tenure."""

    __slots__ = (
        "beaten", "declared", "flows", "handlers", "keys", "policy", "reachable", "schedules", "settings",
        "tenure", "unsure",
    )  # fmt: skip

    def __init__(
        self,
        keys: QueueKeys,
        handlers: Mapping[bytes, Handler],
        policy: Policy,
        schedules: Sequence[Schedule] = (),
        settings: Mapping[str, Stored] | None = None,
    ) -> None:
        self.keys = keys
        self.handlers = handlers
        self.policy = policy
        self.schedules = tuple(schedules)
        self.settings = settings or {}
        self.declared = False  # whether the server was told them
        self.tenure = Tenure(keys)
        self.tenure.lost = True  # until it is registered
        self.unsure = False  # a claim failed: the server may hold jobs in our name that we never saw
        self.beaten = math.inf
        """When the server last answered a heartbeat, by the monotonic clock; infinite until they begin."""
        self.flows = False  # limits or tenants are set: claims know of them
        self.reachable = True
        """False, in a cluster: its node did not answer a claim. The maintainer sees when it does again."""
