"""A schedule as a value: what is enqueued, when, and what becomes of runs that were missed or overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from taskq_core import config
from taskq_core.clock import instant_ms, moment, positive_ms
from taskq_core.errors import InvalidOption
from taskq_core.job import DEFAULT_OPTIONS, JobOptions
from taskq_core.names import JobRef, check_queue, check_schedule, check_task
from taskq_core.timetable import Timetable, timetable


class Missed(StrEnum):
    """What becomes of times at which nobody could fire: no worker, or no server.

    ``SKIP``: nothing. ``LATEST``: the latest of them is made up for. ``ALL``: each of them, up to a hundred.
    Each holds only within the grace of the schedule.
    """

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"

    @classmethod
    def of(cls, value: str) -> Missed:
        """The policy of a name. Raises: InvalidOption."""
        try:
            return cls(value)
        except ValueError:
            raise InvalidOption(
                f"unknown policy for missed runs {value!r}", hint=f"One of: {', '.join(cls)}"
            ) from None


class Overlap(StrEnum):
    """What a run does when the one before it still waits or runs."""

    ALLOW = "allow"
    SKIP = "skip"
    CANCEL_PREVIOUS = "cancel_previous"

    @classmethod
    def of(cls, value: str) -> Overlap:
        """The policy of a name. Raises: InvalidOption."""
        try:
            return cls(value.replace("-", "_"))
        except ValueError:
            raise InvalidOption(
                f"unknown policy for overlapping runs {value!r}", hint=f"One of: {', '.join(cls)}"
            ) from None


GRACES: Final[Mapping[Missed, timedelta]] = {
    Missed.SKIP: timedelta(milliseconds=config.GRACE_SKIP_MS),
    Missed.LATEST: timedelta(milliseconds=config.GRACE_LATEST_MS),
    Missed.ALL: timedelta(milliseconds=config.GRACE_ALL_MS),
}
"""How late a run may be and still be made, where a schedule says nothing."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is enqueued again and again.

    ``spec``: a cron line (`*/5 * * * *`, six fields with seconds first, `@daily`) in the time zone ``tz``, or
    `every 30s`. ``grace``: how late a run may be and still be made; None: 10 s, 1 h or 1 d for ``missed``
    skip, latest and all. ``jitter``: a run is put off by up to so much; `Job.due` stays the time of the
    timetable. ``options``: all but ``delay``, ``at``, ``unique``, ``group`` and ``then``.
    Raises: InvalidName, InvalidOption.
    """

    name: str
    spec: str
    task: str
    payload: Mapping[str, Any] | bytes | str = b"{}"
    options: JobOptions = DEFAULT_OPTIONS
    tz: str = "UTC"
    missed: Missed | str = Missed.LATEST
    grace: timedelta | None = None
    overlap: Overlap | str = Overlap.ALLOW
    jitter: timedelta | None = None

    def __post_init__(self) -> None:
        check_schedule(self.name)
        check_task(self.task)
        timetable(self.spec, self.tz)
        Missed.of(self.missed)
        Overlap.of(self.overlap)
        if self.grace is not None:
            positive_ms(self.grace, "grace")
        if self.jitter is not None and positive_ms(self.jitter, "jitter") > config.MAX_JITTER_MS:
            raise InvalidOption(f"jitter must be at most a day, not {self.jitter}")
        options = self.options
        if options.delay is not None or options.at is not None or options.unique is not None:
            raise InvalidOption(
                "the jobs of a schedule have no delay, at or unique",
                hint="jitter puts runs off, overlap keeps two of them apart",
            )
        if options.group is not None or options.then:
            raise InvalidOption(
                "the jobs of a schedule have no group and no chain",
                hint="Enqueue those in its task's handler",
            )

    @property
    def times(self) -> Timetable:
        """When it is due."""
        return timetable(self.spec, self.tz)

    @property
    def grace_ms(self) -> int:
        """How late a run may be and still be made."""
        return positive_ms(self.grace or GRACES[Missed.of(self.missed)], "grace")

    def next(self, after: datetime, count: int = 1) -> list[datetime]:
        """The next times after one, at most so many, as aware UTC; fewer where the timetable ends."""
        found: list[datetime] = []
        ms: int | None = instant_ms(after)
        while ms is not None and len(found) < count:
            ms = self.times.after(ms)
            if ms is not None:
                found.append(moment(ms))
        return found


@dataclass(frozen=True, slots=True, order=True)
class ScheduleRef:
    """A schedule's full reference: ``queue/name``."""

    queue: str
    name: str

    def __str__(self) -> str:
        return f"{self.queue}/{self.name}"

    @classmethod
    def of(cls, queue: str, name: str) -> ScheduleRef:
        """The reference, checked. Raises: InvalidName."""
        return cls(check_queue(queue), check_schedule(name))


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One of the latest runs. ``outcome``: fired, skipped (the one before was not over) or triggered."""

    due: datetime
    at: datetime
    outcome: str
    job: JobRef | None = None

    @property
    def drift(self) -> timedelta:
        """How long after its time."""
        return self.at - self.due


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """A schedule as it stands on the server. ``next_at``: None when it is paused, or its timetable has ended.

    ``code``: declared by an application; else added by hand. ``fired``, ``missed`` and ``skipped`` (by
    overlap) count since it exists, ``runs`` has the latest first. ``sound``: False where the server holds
    something that no version of taskq wrote; then ``schedule`` is a stand-in.
    """

    ref: ScheduleRef
    schedule: Schedule
    code: bool
    paused: bool
    next_at: datetime | None
    fired: int
    missed: int
    skipped: int
    at: datetime
    runs: tuple[ScheduledRun, ...] = ()
    sound: bool = True

    @property
    def last(self) -> ScheduledRun | None:
        """The latest run."""
        return self.runs[0] if self.runs else None

    @property
    def overdue(self) -> timedelta:
        """How long its next time has passed; zero when it has not."""
        late = timedelta(0) if self.next_at is None else self.at - self.next_at
        return max(timedelta(0), late)
