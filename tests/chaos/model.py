"""What should be true of a queue: each verb of the engine in a few lines, over plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from taskq_core import State
from tests.chaos.recount import Place

ENDED = (State.DONE, State.CANCELLED)
WAITS = (State.READY, State.SCHEDULED)
LIVE = (State.READY, State.RUNNING, State.SCHEDULED)


@dataclass(slots=True)
class Known:
    """One job. ``attempts``: those of its record; ``deliveries``: of its entry, so a run is their sum."""

    state: State
    level: int
    attempts: int = 0
    deliveries: int = 0
    worker: str = ""
    place: Place | None = None
    """Its entry, where it is known: from its birth, or from its claim."""
    unique: str = ""
    keep: bool = False
    due: bool = False
    born: int = 0
    """Its rank among all jobs that were ready at birth and have not begun; 0 for the others."""

    @property
    def crashed(self) -> bool:
        """Whether it is to be run alone: its workers died twice."""
        return self.state is State.READY and self.deliveries >= 2


@dataclass(slots=True)
class Model:
    """The queue, and what its server has counted."""

    jobs: dict[str, Known] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    locks: dict[str, str] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    accepted: set[tuple[str, int]] = field(default_factory=set)
    """Job and attempt of each end that was taken."""
    begun: dict[int, int] = field(default_factory=dict)
    """The youngest job of each level that has begun its first attempt."""
    paused: bool = False
    draining: bool = False
    max_jobs: int = 0
    dead_max: int = 0

    def count(self, *states: State) -> int:
        """How many jobs are in one of the states."""
        return sum(known.state in states for known in self.jobs.values())

    def of(self, *states: State) -> list[str]:
        """Their ids, in order."""
        return sorted(job_id for job_id, known in self.jobs.items() if known.state in states)

    def running(self, worker: str) -> list[str]:
        """What runs in the name of a worker."""
        return [job_id for job_id in self.of(State.RUNNING) if self.jobs[job_id].worker == worker]

    def holder(self, key: str) -> str:
        """The job that holds a unique key, while it waits or runs."""
        holder = self.locks.get(key, "")
        return holder if holder in self.jobs and self.jobs[holder].state in LIVE else ""

    def room(self, more: int) -> bool:
        """Whether so many jobs are taken."""
        return not self.draining and not (self.max_jobs and self.count(*LIVE) + more > self.max_jobs)

    # -- what verbs do --------------------------------------------------------------------------

    def bear(self, job_id: str, known: Known) -> None:
        """A job comes to be."""
        assert job_id not in self.jobs, f"the id {job_id} came twice"
        self.jobs[job_id] = known
        if known.unique:
            self.locks[known.unique] = job_id

    def hand_out(self, job_id: str, worker: str, place: Place) -> Known:
        """A claim takes a job."""
        known = self.jobs[job_id]
        assert known.state is State.READY, f"{job_id} was claimed and is {known.state}"
        assert known.place in (None, place), f"{job_id} is at {place} and not at {known.place}"
        if known.born and not known.deliveries:
            assert known.born > self.begun.get(known.level, 0), f"{job_id} begins after one enqueued later"
            self.begun[known.level] = known.born
            known.born = 0
        known.state, known.worker, known.place = State.RUNNING, worker, place
        known.deliveries += 1
        return known

    def give_back(self, job_id: str, *, crash: bool) -> None:
        """A worker lets go of a job, alive or dead."""
        known = self.jobs[job_id]
        known.state, known.worker = State.READY, ""
        known.deliveries -= not crash

    def accept(self, job_id: str, attempt: int) -> Known:
        """The end of a run is taken: at most once a run."""
        run = job_id, attempt
        assert run not in self.accepted, f"the end of {run} was taken twice"
        self.accepted.add(run)
        return self.jobs[job_id]

    def leave(self, job_id: str, state: State, counter: str) -> None:
        """A job goes for good, or to where it waits for a time; its entry is no more."""
        known = self.jobs[job_id]
        known.state, known.worker, known.place, known.due = state, "", None, False
        known.attempts, known.deliveries = known.attempts + known.deliveries, 0
        self.totals[counter] += 1

    def free(self, key: str, job_id: str) -> None:
        """A unique key is free, where that job holds it."""
        if self.locks.get(key) == job_id:
            del self.locks[key]
