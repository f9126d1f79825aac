"""Lists of jobs, page by page: each page is one bounded look, and its cursor stays good."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from taskq_core import config
from taskq_core.clock import moment
from taskq_core.codec import decode_failure
from taskq_core.command import Arg, Command, text
from taskq_core.errors import InvalidName, InvalidOption
from taskq_core.filters import JobFilter
from taskq_core.fingerprint import fingerprint
from taskq_core.job import JobDetail, Page, State
from taskq_core.keys import QueueKeys
from taskq_core.names import JobRef
from taskq_core.queries import in_index, in_stream
from taskq_core.scripts import script

LISTED: Final = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
EVERYTHING: Final = JobFilter()
_READY: Final = re.compile(r"([1-4]):([ohs]):((?:\d+-\d+)?)")
_RUNNING: Final = re.compile(r"([1-4]):((?:\d+-\d+)?)")
_INDEX: Final = re.compile(r"(-?(?:[0-9.e+-]{1,25}|inf)):([^\n]{1,200})")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a list: how much it may bring, where it goes on, and which jobs are wanted."""

    limit: int
    cursor: str = ""
    where: JobFilter = EVERYTHING

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= config.MAX_BATCH:
            raise InvalidOption(f"a page holds 1 to {config.MAX_BATCH} jobs, not {self.limit}")

    @property
    def bounds(self) -> list[Arg]:
        """Most jobs to find, most to look at, most bytes to read, and the conditions."""
        rows = config.LOOK_ROWS if self.where else self.limit
        return [self.limit, rows, config.LOOK_BYTES, self.where.sieve()]

    def page(self, jobs: Iterable[JobDetail], cursor: str, looked: Any) -> Page:
        """The jobs that are really wanted: the server's sieve is coarse."""
        return Page(tuple(filter(self.where.accepts, jobs)), cursor, int(looked))


def list_jobs(keys: QueueKeys, state: State, look: Look) -> Command[Page]:
    """A page of the jobs in one state. Raises: InvalidOption, InvalidName for a cursor that is none."""
    if state is State.READY:
        return _list_ready(keys, look)
    if state is State.RUNNING:
        return _list_running(keys, look)
    if state in (State.SCHEDULED, State.DEAD):
        return _list_index(keys, state, look)
    raise InvalidOption(f"{state} jobs are not listed", hint=f"One of: {', '.join(LISTED)}")


def _list_ready(keys: QueueKeys, look: Look) -> Command[Page]:
    level, part, entry = _split(_READY, look.cursor or "1:o:")

    def read(reply: Any) -> Page:
        jobs = (
            in_stream(keys.queue, keys.stream_name(int(at) - 1), (entry, fields))
            for at, entry, fields in reply[4]
        )
        follow = ":".join(text(x) for x in reply[:3]) if int(reply[0]) else ""
        return look.page(jobs, follow, reply[3])

    return Command(script("list_ready"), keys.streams, [level, part, entry, *look.bounds], read)


def _list_running(keys: QueueKeys, look: Look) -> Command[Page]:
    level, entry = _split(_RUNNING, look.cursor or "1:")

    def read(reply: Any) -> Page:
        jobs = (
            in_stream(keys.queue, keys.stream_name(int(at) - 1), (entry, fields), text(owner), int(n))
            for at, entry, fields, owner, n in reply[3]
        )
        return look.page(jobs, f"{int(reply[0])}:{text(reply[1])}" if int(reply[0]) else "", reply[2])

    return Command(script("list_running"), keys.streams, [level, entry, *look.bounds], read)


def _list_index(keys: QueueKeys, state: State, look: Look) -> Command[Page]:
    def read(reply: Any) -> Page:
        jobs = (in_index(keys.queue, state, text(i), raw, score) for i, score, raw in reply[3])
        return look.page(jobs, _place(reply), reply[2])

    names, order = _index(keys, state)
    args = [*_after(look.cursor), *look.bounds, order]
    return Command(script("list_index"), names, args, read)


def _index(keys: QueueKeys, state: State) -> tuple[list[str], str]:
    if state is State.SCHEDULED:
        return [keys.due, keys.jobs], ""
    return [keys.dead, keys.dead_jobs], "REV"


def _after(cursor: str) -> list[str]:
    return _split(_INDEX, cursor) if cursor else ["", ""]


def _place(reply: Sequence[Any]) -> str:
    return f"{text(reply[0])}:{text(reply[1])}" if text(reply[1]) else ""


def _split(pattern: re.Pattern[str], cursor: str) -> list[str]:
    match = pattern.fullmatch(cursor)
    if match is None:
        raise InvalidName("cursor", cursor, "the cursor of the page before")
    return list(match.groups())


# -- groups of failed jobs ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs of one cause. ``type`` and ``message`` are those of ``sample``, the latest one.

    ``first_at`` and ``last_at``: when they died; of scheduled jobs, when their next attempts are due.
    """

    fingerprint: str
    count: int
    task: str
    type: str
    message: str
    first_at: datetime
    last_at: datetime
    sample: JobRef
    queues: tuple[str, ...]

    def joined(self, other: FailureGroup) -> FailureGroup:
        """Both as one."""
        latest = self if self.last_at >= other.last_at else other
        return FailureGroup(
            self.fingerprint, self.count + other.count, latest.task, latest.type, latest.message,
            min(self.first_at, other.first_at), latest.last_at, latest.sample,
            tuple(sorted({*self.queues, *other.queues})),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A stretch of a queue's failed jobs, grouped. ``cursor`` continues it; empty when it has ended."""

    groups: tuple[FailureGroup, ...]
    cursor: str
    looked: int


def merge_groups(groups: Iterable[FailureGroup]) -> dict[str, FailureGroup]:
    """Groups by fingerprint, those of several pages and queues joined."""
    found: dict[str, FailureGroup] = {}
    for group in groups:
        before = found.get(group.fingerprint)
        found[group.fingerprint] = group if before is None else before.joined(group)
    return found


def group_failures(keys: QueueKeys, state: State, cursor: str, since_ms: int | None) -> Command[GroupPage]:
    """A page of the failed jobs of a queue by cause: dead ones, or those that wait for another attempt.

    Raises: InvalidOption, InvalidName for a cursor that is none.
    """
    if state not in (State.DEAD, State.SCHEDULED):
        raise InvalidOption(f"{state} jobs have not failed for now", hint="One of: dead, scheduled")

    def read(reply: Any) -> GroupPage:
        groups = [_named(keys.queue, row) for row in reply[3]]
        groups += [_unnamed(keys.queue, row) for row in reply[4]]
        return GroupPage(tuple(merge_groups(groups).values()), _place(reply), int(reply[2]))

    names, order = _index(keys, state)
    args: list[Arg] = [*_after(cursor), config.LOOK_ROWS, config.LOOK_BYTES, order]
    return Command(script("list_causes"), names, [*args, "" if since_ms is None else since_ms], read)


def _named(queue: str, row: Sequence[Any]) -> FailureGroup:
    name, count, first, last, job_id, task, type_, message = row
    return FailureGroup(
        text(name), int(count), text(task), text(type_), text(message), _moment(first), _moment(last),
        JobRef(queue, text(job_id)), (queue,),
    )  # fmt: skip


def _unnamed(queue: str, row: Sequence[Any]) -> FailureGroup:
    """A job whose record holds no fingerprint: an older version, or somebody else, wrote it."""
    job_id, score, task, raw = row
    failure = decode_failure(raw)
    type_, message, trace = (
        ("", "", "") if failure is None else (failure.type, failure.message, failure.traceback)
    )
    at = _moment(score)
    return FailureGroup(
        fingerprint(text(task), type_, message, trace), 1, text(task), type_, message[:500], at, at,
        JobRef(queue, text(job_id)), (queue,),
    )  # fmt: skip


def _moment(score: Any) -> datetime:
    return moment(int(float(text(score))))
