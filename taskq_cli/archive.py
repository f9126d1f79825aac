"""Jobs as NDJSON with all that is needed to bring them back: what `export` writes and `import` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec

from taskq_cli import schedule_lines
from taskq_cli.backoff_lines import BackoffLine, Seconds, backoff_of, backoff_record
from taskq_cli.durations import parse_time
from taskq_cli.flow_settings import flow_of
from taskq_cli.jsontext import embedded, rfc3339, unescaped
from taskq_cli.schedule_lines import ScheduleLine, span_of
from taskq_cli.views import View, error_record, seconds
from taskq_core import (
    Failure,
    JobDetail,
    JobRef,
    Priority,
    QueueSnapshot,
    State,
    UsageError,
)

SCHEMA: Final = "taskq.export/1"
QUEUE_SCHEMA: Final = "taskq.export-queue/1"
EXPORTED: Final = View(
    schema=SCHEMA,
    fields=(
        "schema", "id", "queue", "state", "task", "priority", "payload", "attempts", "granted", "due_at",
        "died_at", "retries", "backoff", "timeout_s", "unique", "throttle_s",
        "debounce_s", "debounce_max_s", "concurrency_key", "keep_s", "schedule", "fire_at",
        "chain", "after", "previous",
        "error",
    ),
    columns=("id", "state", "task", "priority", "attempts", "due_at", "died_at", "payload"),
    wide=("id", "state", "task", "priority", "attempts", "due_at", "died_at", "error", "payload"),
    stream=True,
)  # fmt: skip

_NULL: Final = msgspec.Raw(b"null")
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000_000)]


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What a queue was set to: limits in words of `Client.configure`, and whether it was paused."""

    queue: str
    limits: Mapping[str, Any]
    paused: bool


def exported_record(job: JobDetail) -> dict[str, Any]:
    """A job as a record of `EXPORTED`. One that runs is to be brought back as one that waits."""
    running = job.state is State.RUNNING
    return {
        "schema": SCHEMA,
        "id": str(job.ref),
        "queue": job.ref.queue,
        "state": str(State.READY if running else job.state),
        "task": job.task,
        "priority": str(job.priority),
        "payload": embedded(job.payload),
        # the run that is under way, or was given back, does not count
        "attempts": job.attempts - (job.deliveries if running or job.state is State.READY else 0),
        "granted": job.granted,
        "due_at": rfc3339(job.due_at),
        "died_at": rfc3339(job.died_at),
        "retries": job.retries,
        "backoff": backoff_record(job.backoff),
        "timeout_s": seconds(job.timeout),
        "unique": job.unique,
        "throttle_s": seconds(job.throttle),
        "debounce_s": seconds(job.debounce),
        "debounce_max_s": seconds(job.debounce_max),
        "concurrency_key": job.concurrency_key,
        "keep_s": seconds(job.keep),
        "schedule": job.schedule,
        "fire_at": rfc3339(job.fire_at),
        "chain": job.chain or None,
        "after": None if job.after is None else job.after.id,
        "previous": embedded(job.previous),
        "error": error_record(job.error),
    }


def settings_record(queue: QueueSnapshot) -> dict[str, Any]:
    """A queue's settings as a record of their own; what is left to the default is null."""
    names = ("max_jobs", "max_bytes", "dead_max", "dead_age")
    limits = {name: _number(queue.settings.get(name)) for name in names}
    age = limits.pop("dead_age")
    return {
        "schema": QUEUE_SCHEMA,
        "queue": queue.queue,
        "paused": queue.paused,
        **limits,
        "dead_age_s": None if age is None else seconds(timedelta(milliseconds=age)),
        "slo_s": seconds(queue.slo),
        **(
            {"flow": {limit.stored_name: limit.text for limit in limited}}
            if (limited := queue.flow_limits)
            else {}
        ),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


# -- reading -----------------------------------------------------------------------------------


class _Schema(msgspec.Struct):
    schema: str = ""


class _Error(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    message: str = ""
    traceback: str = ""
    fingerprint: str = ""


class _Job(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    id: str
    state: str
    task: str
    payload: msgspec.Raw
    queue: str = ""
    priority: str = "normal"
    attempts: _Count = 0
    granted: _Count = 0
    due_at: str | None = None
    died_at: str | None = None
    retries: _Count | None = None
    backoff: BackoffLine | None = None
    timeout_s: Seconds | None = None
    unique: str | None = None
    throttle_s: Seconds | None = None
    debounce_s: Seconds | None = None
    debounce_max_s: Seconds | None = None
    concurrency_key: str | None = None
    keep_s: Seconds | None = None
    schedule: str | None = None
    fire_at: str | None = None
    chain: str | None = None
    after: str | None = None
    previous: msgspec.Raw = _NULL
    error: _Error | None = None


class _Queue(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    queue: str
    paused: bool = False
    max_jobs: _Count | None = None
    max_bytes: _Bytes | None = None
    dead_max: _Count | None = None
    dead_age_s: Seconds | None = None
    slo_s: Seconds | None = None
    flow: dict[str, str] = msgspec.field(default_factory=dict)


_decode_schema: Final = msgspec.json.Decoder(_Schema).decode
_decode_job: Final = msgspec.json.Decoder(_Job).decode
_decode_queue: Final = msgspec.json.Decoder(_Queue).decode


def read_line(line: bytes) -> JobDetail | QueueSettings | ScheduleLine:
    """What a line of an export says. Raises: UsageError for anything else."""
    try:
        schema = _decode_schema(line).schema
        if schema == QUEUE_SCHEMA:
            return _settings(_decode_queue(line))
        if schema == schedule_lines.SCHEMA:
            return schedule_lines.read_schedule(line)
        if schema != SCHEMA:
            raise UsageError(f"not a line of `taskq export`: its schema is {schema[:40]!r}, not {SCHEMA!r}")
        return _job(_decode_job(line))
    except UsageError:
        raise
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
        raise UsageError(f"not a line of `taskq export` ({error})") from None


def _job(line: _Job) -> JobDetail:
    ref = JobRef.parse(line.id, line.queue or None)
    if line.queue:  # it may have been edited, to bring the job into another queue
        ref = JobRef.parse(ref.id, line.queue)
    state, error = State.of(line.state), line.error
    return JobDetail(
        ref, state, line.task, Priority.of(line.priority), unescaped(bytes(line.payload)), line.attempts,
        enqueued_at=_EPOCH,  # it is in the id
        due_at=_time(line.due_at),
        died_at=_time(line.died_at),
        retries=line.retries,
        timeout=span_of(line.timeout_s),
        unique=line.unique,
        throttle=span_of(line.throttle_s),
        debounce=span_of(line.debounce_s),
        debounce_max=span_of(line.debounce_max_s),
        concurrency_key=line.concurrency_key,
        keep=span_of(line.keep_s),
        schedule=line.schedule,
        fire_at=_time(line.fire_at),
        chain=line.chain or "",
        after=None if line.after is None else JobRef.parse(line.after, ref.queue),
        previous=None if bytes(line.previous) == b"null" else unescaped(bytes(line.previous)),
        error=None if error is None else Failure(
            error.type, error.message, error.traceback, error.fingerprint
        ),
        granted=line.granted,
        backoff=backoff_of(line.backoff),
    )  # fmt: skip


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _settings(line: _Queue) -> QueueSettings:
    limits = {
        "max_jobs": line.max_jobs,
        "max_bytes": line.max_bytes,
        "dead_max": line.dead_max,
        "dead_age": span_of(line.dead_age_s),
        "slo": span_of(line.slo_s),
        **flow_of(line.flow),
    }
    return QueueSettings(line.queue, {k: v for k, v in limits.items() if v is not None}, line.paused)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
