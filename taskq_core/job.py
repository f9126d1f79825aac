"""What a job is: its priority and states, what may be asked of it, what enqueueing returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, overload

from taskq_core.backoff import Backoff
from taskq_core.errors import InvalidOption
from taskq_core.names import JobRef, check_group, check_tenant
from taskq_core.notes import JobNotes


class Priority(StrEnum):
    """The four levels of a queue, highest first."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def letter(self) -> str:
        """The level's letter in keys and job ids: c, h, n or l."""
        return self.value[0]

    @classmethod
    def of(cls, value: str) -> Priority:
        """The level of a name. Raises: InvalidOption."""
        try:
            return cls(value)
        except ValueError:
            raise InvalidOption(f"unknown priority {value!r}", hint=f"One of: {', '.join(cls)}") from None

    @classmethod
    def of_letter(cls, letter: str) -> Priority:
        """The level of a letter."""
        return _BY_LETTER[letter]


_BY_LETTER = {level.letter: level for level in Priority}


class State(StrEnum):
    """Where a job is. A retry is ``scheduled`` with attempts behind it."""

    SCHEDULED = "scheduled"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @classmethod
    def of(cls, value: str) -> State:
        """The state of a name. Raises: InvalidOption."""
        try:
            return cls(value)
        except ValueError:
            raise InvalidOption(f"unknown state {value!r}", hint=f"One of: {', '.join(cls)}") from None


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What may be asked of a job. None leaves it to the task, and then to the queue.

    ``delay`` and ``at`` exclude each other; ``unique`` refuses a second job with the same key until the
    first has ended or ``unique_for`` is over; ``keep`` keeps outcome and result. ``group``: the group it
    is a member of, in its queue; ``then``: a chain, each job of which is enqueued when the one before it
    is done.

    With a unique key: ``throttle`` refuses further jobs for that span also when the first has ended;
    ``debounce`` lets the job wait until no other call came for that span, at most ``debounce_max`` (10
    times the span); ``replace`` gives the job that waits under the key the payload of this call, which is
    the default with ``debounce``.

    ``concurrency_key``: of the jobs with this key only so many run at a time, whatever their task: 1,
    unless the task or the queue has another ``key_max_running``. ``tenant``: whose job it is; the tenants
    of a queue get their jobs done in turn, and the jobs without one are a tenant as the others are.
    """

    priority: Priority | str = Priority.NORMAL
    delay: timedelta | None = None
    at: datetime | None = None
    retries: int | None = None
    backoff: Backoff | None = None
    timeout: timedelta | None = None
    unique: str | None = None
    unique_for: timedelta | None = None
    throttle: timedelta | None = None
    debounce: timedelta | None = None
    debounce_max: timedelta | None = None
    replace: bool | None = None
    keep: timedelta | None = None
    group: str | None = None
    then: Sequence[NewJob] = ()
    concurrency_key: str | None = None
    tenant: str | None = None

    def __post_init__(self) -> None:
        Priority.of(self.priority)
        if self.group is not None:
            check_group(self.group)
        if self.tenant is not None:
            check_tenant(self.tenant)
        for link in self.then:
            _check_link(link)
        if self.delay is not None and self.at is not None:
            raise InvalidOption("give either a delay or a time, not both")
        if self.retries is not None and not 0 <= self.retries <= 1_000:
            raise InvalidOption(f"retries must be between 0 and 1000, not {self.retries}")
        self._check_unique()

    def _check_unique(self) -> None:
        given = [name for name in _OF_UNIQUE if getattr(self, name) is not None]
        if not given:
            return
        if self.unique is None:
            raise InvalidOption(f"{given[0]} needs a unique key")
        if self.debounce is None:
            if self.debounce_max is not None:
                raise InvalidOption("debounce_max needs debounce")
            if self.throttle is not None and self.throttle > (self.unique_for or timedelta.max):
                raise InvalidOption("throttle holds the key longer than unique_for lets it be held")
            return
        others = [
            name for name in ("throttle", "unique_for", "delay", "at") if getattr(self, name) is not None
        ]
        if others:
            raise InvalidOption(
                f"debounce goes without {others[0]}",
                hint="It says by itself when the job is due, see debounce_max",
            )
        if self.debounce_max is not None and self.debounce_max < self.debounce:
            raise InvalidOption("debounce_max is less than debounce")


_OF_UNIQUE = ("unique_for", "throttle", "debounce", "debounce_max", "replace")
DEFAULT_OPTIONS = JobOptions()


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be enqueued: the payload is a mapping, or JSON text of an object."""

    task: str
    payload: Mapping[str, Any] | bytes | str
    options: JobOptions = DEFAULT_OPTIONS


def _check_link(link: NewJob) -> None:
    options = link.options
    if options.at is not None or options.unique is not None:
        raise InvalidOption("a later job of a chain has no unique key and no fixed time")
    if options.group is not None or options.then:
        raise InvalidOption(
            "a later job of a chain has neither a group nor a chain of its own",
            hint="It is in the group of the first; list all that follows there",
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What enqueueing one job returns. Of a key that was taken the id is its holder's, and no job was added.

    ``duplicate``: nothing was done. ``replaced``: the holder has the payload of this call now.
    ``postponed``: it is debounced, and waits anew; the last two may come together. ``running``: it is a
    duplicate although ``replace`` was asked for, because a worker has the holder. ``held_until``: how long a
    throttle holds the key whatever becomes of the holder.
    """

    queue: str
    id: str
    duplicate: bool = False
    replaced: bool = False
    postponed: bool = False
    running: bool = False
    held_until: datetime | None = None

    @property
    def added(self) -> bool:
        """Whether there is a new job."""
        return not (self.duplicate or self.replaced or self.postponed)

    @property
    def ref(self) -> JobRef:
        """The full reference."""
        return JobRef(self.queue, self.id)

    def __str__(self) -> str:
        return f"{self.queue}/{self.id}"


@dataclass(frozen=True, slots=True)
class Met:
    """What a job met whose key was taken, as in `Receipt`."""

    replaced: bool = False
    postponed: bool = False
    running: bool = False
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive ids of one call: ``count`` ids from ``letter + head + '-' + first + whose`` on."""

    letter: str
    head: str
    first: int
    count: int
    duplicate: bool
    whose: str = ""
    """``@tenant``, where the jobs are a tenant's."""
    met: Met | None = None
    """What became of a job whose key was taken; None: they are new."""

    def id(self, offset: int) -> str:
        """The id at an offset."""
        return f"{self.letter}{self.head}-{self.first + offset}{self.whose}"

    def receipt(self, queue: str, offset: int) -> Receipt:
        """The receipt at an offset."""
        met = self.met
        if met is None:
            return Receipt(queue, self.id(offset), self.duplicate)
        return Receipt(
            queue, self.id(offset), self.duplicate, met.replaced, met.postponed, met.running, met.held_until
        )


class Receipts(Sequence[Receipt]):
    """The receipts of a batch, in order; ids are spelled out when they are looked at."""

    __slots__ = ("_length", "_queue", "runs")

    def __init__(self, queue: str, runs: Sequence[Run]) -> None:
        self._queue = queue
        self.runs = tuple(runs)
        self._length = sum(run.count for run in runs)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Receipt]:
        for run in self.runs:
            for offset in range(run.count):
                yield run.receipt(self._queue, offset)

    @overload
    def __getitem__(self, index: int) -> Receipt: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Receipt]: ...
    def __getitem__(self, index: int | slice) -> Receipt | Sequence[Receipt]:
        if isinstance(index, slice):
            return list(self)[index]
        position = index + self._length if index < 0 else index
        if position >= 0:
            for run in self.runs:
                if position < run.count:
                    return run.receipt(self._queue, position)
                position -= run.count
        raise IndexError(index)

    @classmethod
    def joined(cls, queue: str, parts: Sequence[Receipts]) -> Receipts:
        """The receipts of several calls as one sequence."""
        return cls(queue, [run for part in parts for run in part.runs])


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, as text: never made into an exception again."""

    type: str
    message: str
    traceback: str = ""
    fingerprint: str = ""
    """What failures of one cause have in common: 12 hex digits."""


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job as it stands on the server. Times are aware UTC; what is unknown is None.

    ``granted``: attempts before it was last retried by hand, which do not count against ``retries``.
    """

    ref: JobRef
    state: State
    task: str
    priority: Priority
    payload: bytes
    attempts: int
    enqueued_at: datetime
    due_at: datetime | None = None
    died_at: datetime | None = None
    worker: str | None = None
    deliveries: int = 0
    retries: int | None = None
    timeout: timedelta | None = None
    unique: str | None = None
    keep: timedelta | None = None
    error: Failure | None = None
    result: bytes | None = None
    granted: int = 0
    backoff: Backoff | None = None
    schedule: str | None = None
    """The schedule that made it."""
    fire_at: datetime | None = None
    """The time of its timetable that it was made for."""
    notes: JobNotes | None = None
    """What it said of itself: progress and log lines. Only where the job was asked for alone."""
    concurrency_key: str | None = None
    """Only so many jobs with this key run at a time."""
    held: bool = False
    """Whether it was put aside for a limit of its task or key; `Client.gates` says which."""
    group: str | None = None
    """The group it is a member of."""
    completes: str | None = None
    """The group whose callback it is."""
    then: tuple[str, ...] = ()
    """The tasks that follow in its chain."""
    after: JobRef | None = None
    """The job before it in its chain."""
    chain: str = ""
    """What follows in its chain, as it is stored."""
    previous: bytes | None = None
    """The result of the job before it, as JSON."""
    throttle: timedelta | None = None
    """How long from its enqueueing its unique key is held, whatever becomes of it."""
    debounce: timedelta | None = None
    """How long no other call with its key may come before it is due."""
    debounce_max: timedelta | None = None
    """How long it may be put off in all, from its enqueueing."""

    @property
    def held_until(self) -> datetime | None:
        """Until when a throttle holds its unique key, whatever becomes of it."""
        return _later(self.enqueued_at, self.throttle)

    @property
    def latest_at(self) -> datetime | None:
        """When a debounced job is due at the latest."""
        return _later(self.enqueued_at, self.debounce_max)


def _later(then: datetime, span: timedelta | None) -> datetime | None:
    try:
        return None if span is None else then + span
    except OverflowError:  # anybody may have written it
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list of jobs. ``cursor`` continues it; empty when it has ended.

    ``looked``: how many jobs the server looked at for it; with a filter, more than it holds.
    """

    jobs: tuple[JobDetail, ...]
    cursor: str
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb did to one job: ``done`` or not, and the state it was found in (None: unknown id)."""

    ref: JobRef
    done: bool
    found: str | None
