"""Which jobs the list of jobs shows, and one page of them, read in bounded steps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from taskq_cli.top.frame import Frame, QueueFrame
from taskq_core import Client, Gates, JobDetail, JobFilter, State, UsageError

STATES: Final = (State.READY, State.RUNNING, State.SCHEDULED, State.DEAD)
"""In the order in which a job goes through them, and in which `s` shows them."""
PAGE: Final = 100
STEPS: Final = 20
"""Looks at the server for one page: with a filter it may end before the page is full."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Jobs in a state, of some queues or of all. ``group``: those of one cause; ``where``: conditions."""

    state: State = State.READY
    queues: tuple[str, ...] | None = None
    group: str | None = None
    where: str = ""

    @property
    def filter(self) -> JobFilter:
        """The conditions. Raises: UsageError."""
        return JobFilter.parse(self.where or None, group=self.group)

    @property
    def one_queue(self) -> str | None:
        """The queue, where it is only one."""
        return self.queues[0] if self.queues is not None and len(self.queues) == 1 else None

    def next_state(self, step: int = 1) -> Wanted:
        """The same in the next state."""
        return replace(self, state=STATES[(STATES.index(self.state) + step) % len(STATES)])

    def places(self, frame: Frame) -> list[str]:
        """The queues that have such jobs, as far as the frame knows."""
        chosen = [q for q in frame.queues if self.queues is None or q.name in self.queues]
        known = {queue.name for queue in frame.queues}
        new = [] if self.queues is None else [name for name in self.queues if name not in known]
        return [*(queue.name for queue in chosen if count(queue, self.state)), *new]

    def command(self) -> str:
        """The command that lists the same."""
        words = ["taskq", "jobs", "--state", self.state]
        if self.one_queue is not None:
            words += ["-q", self.one_queue]
        if self.group is not None:
            words += ["--group", self.group]
        if self.where:
            words += ["--filter", self.where]
        return shlex.join(words)


def count(queue: QueueFrame, state: State) -> int:
    """How many jobs of a state a queue has."""
    counts = {
        State.READY: queue.waiting, State.RUNNING: queue.running, State.SCHEDULED: queue.scheduled,
        State.DEAD: queue.dead,
    }  # fmt: skip
    return counts[state]


def first_state(queue: QueueFrame | None) -> State:
    """The state that is shown first: the first one in which the queue has jobs."""
    if queue is None:
        return State.READY
    return next((state for state in STATES if count(queue, state)), State.READY)


def conditions(text: str) -> bool:
    """Whether a filter is one that the server looks for, such as `attempts>3` or `error.type=OSError`."""
    if not any(sign in text for sign in "=<>~"):
        return False
    try:
        return bool(JobFilter.parse(text))
    except UsageError:
        return False


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a page begins: a queue, and a cursor in its list."""

    queue: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of ``wanted`` that began at ``spot``. ``next`` None: it was the last one."""

    wanted: Wanted
    spot: Spot
    jobs: tuple[JobDetail, ...]
    looked: int
    next: Spot | None
    gates: Gates | None = None
    """The limits of the one queue whose ready jobs these are."""


def read_page(client: Client, wanted: Wanted, queues: Sequence[str], spot: Spot) -> JobPage:
    """The jobs from a spot on, of one queue after the other. Raises: TaskqError."""
    where = wanted.filter
    names = list(queues)
    if spot.queue in names:
        names = names[names.index(spot.queue) :]
    jobs: list[JobDetail] = []
    looked, cursor, steps = 0, spot.cursor if names and names[0] == spot.queue else "", 0
    for at, queue in enumerate(names):
        while True:
            limit = PAGE - len(jobs)
            page = client.list_jobs(queue, wanted.state, limit=limit, cursor=cursor, where=where)
            jobs += page.jobs
            looked, cursor, steps = looked + page.looked, page.cursor, steps + 1
            following = Spot(queue, cursor) if cursor else _after(names, at)
            if len(jobs) >= PAGE or steps >= STEPS:
                return JobPage(wanted, spot, tuple(jobs), looked, following)
            if not cursor:
                break
    return JobPage(wanted, spot, tuple(jobs), looked, None)


def limited_queue(wanted: Wanted, frame: Frame) -> str | None:
    """The one queue whose ready jobs are shown, where limits of starting or running are set or hold some."""
    if wanted.one_queue is None or wanted.state is not State.READY:
        return None
    limited = any(queue.limited for queue in frame.queues if queue.name == wanted.one_queue)
    return wanted.one_queue if limited else None


def with_limits(client: Client, page: JobPage, queue: str | None) -> JobPage:
    """The page with the limits of a queue. Raises: TaskqError."""
    return page if queue is None else replace(page, gates=client.gates(queue))


def _after(names: Sequence[str], at: int) -> Spot | None:
    return Spot(names[at + 1]) if at + 1 < len(names) else None
