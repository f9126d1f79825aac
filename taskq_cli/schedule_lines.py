"""A schedule as a line of an export, read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from taskq_cli.backoff_lines import BackoffLine, Seconds, backoff_of
from taskq_cli.jsontext import unescaped
from taskq_cli.schedule_views import SCHEDULE
from taskq_core import GRACES, JobOptions, Missed, Overlap, Schedule, ScheduleRef

SCHEMA: Final = SCHEDULE.schema


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """A schedule that is to be brought back. ``code``: workers declare it, so nobody has to."""

    ref: ScheduleRef
    schedule: Schedule
    paused: bool
    code: bool


class _Line(msgspec.Struct):
    queue: str
    name: str
    spec: str
    task: str
    payload: msgspec.Raw
    tz: str = "UTC"
    priority: str = "normal"
    tenant: str | None = None
    retries: int | None = None
    backoff: BackoffLine | None = None
    timeout_s: Seconds | None = None
    keep_s: Seconds | None = None
    concurrency_key: str | None = None
    missed: str = Missed.LATEST
    grace_s: Seconds | None = None
    overlap: str = Overlap.ALLOW
    jitter_s: Seconds | None = None
    paused: bool = False
    source: str = "hand"


_decode: Final = msgspec.json.Decoder(_Line).decode


def read_schedule(line: bytes) -> ScheduleLine:
    """What `taskq schedule ls -o ndjson` and `taskq export` write. Raises: UsageError, ValueError."""
    found = _decode(line)
    options = JobOptions(
        priority=found.priority,
        tenant=found.tenant,
        retries=found.retries,
        backoff=backoff_of(found.backoff),
        timeout=span_of(found.timeout_s),
        keep=span_of(found.keep_s),
        concurrency_key=found.concurrency_key,
    )
    missed = Missed.of(found.missed)
    schedule = Schedule(
        found.name, found.spec, found.task, unescaped(bytes(found.payload)), options, found.tz,
        missed, _own_grace(found, missed), Overlap.of(found.overlap), span_of(found.jitter_s),
    )  # fmt: skip
    ref = ScheduleRef.of(found.queue, found.name)
    return ScheduleLine(ref, schedule, found.paused, found.source == "code")


def _own_grace(line: _Line, missed: Missed) -> timedelta | None:
    """Its grace, where that is not the one of its policy anyway."""
    own = span_of(line.grace_s)
    return None if own == GRACES[missed] else own


def span_of(value: float | None) -> timedelta | None:
    """Seconds, as they stand in a line, as a duration."""
    return None if value is None else timedelta(seconds=value)
