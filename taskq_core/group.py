"""A group: jobs that belong together, counted, with a callback once all of them have ended. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from taskq_core import config
from taskq_core.clock import moment
from taskq_core.errors import InvalidName, InvalidOption
from taskq_core.job import JobOptions, NewJob
from taskq_core.names import JobRef, check_group, check_queue, valid_job_id


class When(StrEnum):
    """When the callback of a group runs: once all members are done, or once all have ended in any way."""

    DONE = "done"
    ENDED = "ended"

    @classmethod
    def of(cls, value: str) -> When:
        """The one of a name. Raises: InvalidOption."""
        try:
            return cls(value)
        except ValueError:
            raise InvalidOption(
                f"a callback runs when all members are 'done' or 'ended', not {value!r}"
            ) from None


class GroupState(StrEnum):
    """How a group stands. ``failed``: dead members hold it up; ``stuck``: members are gone that never ran to
    their end; ``incomplete``: members that were announced have not been added.
    """

    OPEN = "open"
    RUNNING = "running"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    STUCK = "stuck"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, order=True)
class GroupRef:
    """A group's full reference: ``queue/id``."""

    queue: str
    id: str

    def __str__(self) -> str:
        return f"{self.queue}/{self.id}"

    @classmethod
    def of(cls, queue: str, group: str) -> GroupRef:
        """The reference. Raises: InvalidName."""
        return cls(check_queue(queue), check_group(group))

    @classmethod
    def parse(cls, text: str, queue: str | None = None) -> GroupRef:
        """Reads ``queue/id``, or a bare id when ``queue`` says which one. Raises: InvalidName."""
        head, slash, tail = text.strip().rpartition("/")
        if not slash and queue is None:
            raise InvalidName("group reference", text, "QUEUE/ID, e.g. images/import-42")
        return cls.of(head if slash else queue or "", tail)


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group to be opened. ``expected``: how many members it is to have; None: open until it is sealed.

    ``callback`` is enqueued once, when all members are done, or, by ``when``, have ended in any way.
    """

    id: str
    callback: NewJob | None = None
    when: When | str = When.DONE
    expected: int | None = None
    keep: timedelta = timedelta(milliseconds=config.GROUP_KEEP_MS)

    def __post_init__(self) -> None:
        check_group(self.id)
        When.of(self.when)


def whole_group(options: JobOptions, callback: NewJob, when: When | str, count: int) -> NewGroup:
    """The group that the jobs of one call are, all of it. Raises: InvalidOption without an id."""
    if options.group is None:
        raise InvalidOption("a callback needs a group", hint='For example: group="import-42"')
    if options.tenant is not None and callback.options.tenant is None:
        callback = replace(callback, options=replace(callback.options, tenant=options.tenant))
    return NewGroup(options.group, callback, when, count)


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group at one moment. ``total`` members were added; of these so many are ``done`` and so on.

    ``removed``: purged or deleted before they were done. ``job``: the callback, once it is enqueued.
    """

    ref: GroupRef
    total: int = 0
    done: int = 0
    dead: int = 0
    cancelled: int = 0
    removed: int = 0
    open: bool = False
    expected: int | None = None
    when: When = When.DONE
    callback: str | None = None
    job: JobRef | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    keep: timedelta | None = None

    @property
    def pending(self) -> int:
        """Members that wait or run."""
        return max(0, self.total - self.done - self.dead - self.cancelled - self.removed)

    @property
    def ended(self) -> bool:
        """Whether all its members have ended in one way or the other, and none is still to come."""
        return not self.pending and self.total >= (self.expected or 0)

    @property
    def state(self) -> GroupState:
        """How it stands."""
        if self.finished_at is not None:
            return GroupState.FINISHED
        if self.open:
            return GroupState.OPEN
        if self.pending:
            return GroupState.RUNNING
        if self.total < (self.expected or 0):
            return GroupState.INCOMPLETE
        return GroupState.FAILED if self.dead else GroupState.STUCK

    @property
    def advice(self) -> str:
        """What to do where it does not go on by itself; else empty."""
        gone, ref = self.cancelled + self.removed, self.ref
        if self.state is GroupState.FAILED:
            retry = f"taskq retry -q {ref.queue} --state dead --filter group={ref.id}"
            return f"{_members(self.dead)} died: {retry}"
        if self.state is GroupState.STUCK:
            return f"{_members(gone)} cancelled or removed, not all can be done: taskq group finish {ref}"
        if self.state is GroupState.INCOMPLETE:
            return f"{self.total} of {self.expected} were added; to end with these: taskq group seal {ref}"
        if self.state is GroupState.OPEN and self.callback and not self.pending:
            return f"it is open to more members: taskq group seal {ref}"
        return ""


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"


def read_group(ref: GroupRef, fields: Mapping[str, str]) -> GroupInfo | None:
    """A group's hash; None when there is none. Anybody may have written it: what is no number counts as 0."""
    if "total" not in fields:
        return None

    def number(name: str) -> int:
        value = fields.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else 0

    def time(name: str) -> datetime | None:
        value = number(name)
        return moment(value) if 0 < value < 253_402_300_799_000 else None

    head = fields.get("callback", "").partition("\n")[0].partition(" ")[2]
    job = fields.get("job", "")
    keep = number("keep")
    return GroupInfo(
        ref, number("total"), number("done"), number("dead"), number("cancelled"), number("removed"),
        open="open" in fields,
        expected=number("expected") if "expected" in fields else None,
        when=When.ENDED if fields.get("when") == When.ENDED else When.DONE,
        callback=head or None,
        job=JobRef(ref.queue, job) if valid_job_id(job) else None,
        created_at=time("created"),
        finished_at=time("finished"),
        keep=timedelta(milliseconds=keep) if 0 < keep < 10**12 else None,
    )  # fmt: skip
