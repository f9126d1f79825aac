"""What each command's records look like: their schema, fields, and columns. The keys are an interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from taskq_cli.jsontext import embedded, rfc3339
from taskq_cli.sanitize import clean
from taskq_core import Change, Failure, JobDetail, Receipt

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A kind of record. ``line``: how one is printed when no format is asked for; None: as a table."""

    schema: str
    fields: tuple[str, ...]
    columns: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    key: str = "id"
    line: Callable[[Record], str] | None = None
    upright: bool = False
    stream: bool = False


JOB: Final = View(
    schema="taskq.job/1",
    fields=(
        "schema", "id", "queue", "state", "task", "priority", "tenant", "payload", "attempts", "enqueued_at",
        "due_at", "died_at", "worker", "deliveries", "retries", "timeout_s", "unique", "throttle_s",
        "debounce_s", "debounce_max_s", "held_until", "concurrency_key", "keep_s",
        "schedule", "fire_at", "group", "completes", "then", "after", "previous", "error", "result",
    ),
    columns=("id", "state", "task", "attempts", "enqueued_at", "error"),
    wide=(
        "id", "state", "task", "priority", "attempts", "enqueued_at", "due_at", "died_at", "worker", "error",
        "payload",
    ),
)  # fmt: skip
INSPECTED: Final = View(
    schema=JOB.schema, fields=JOB.fields, columns=JOB.fields[1:], upright=True, stream=True
)
RECEIPT: Final = View(
    schema="taskq.receipt/1",
    fields=("schema", "id", "queue", "duplicate", "replaced", "postponed", "running", "held_until"),
    columns=("id", "duplicate", "replaced", "postponed"),
    line=lambda record: str(record["id"]),
)


def job_record(job: JobDetail) -> dict[str, Any]:
    """A job as a record of `JOB`. ``id`` is the full reference, so that every command takes it back."""
    return {
        "schema": JOB.schema,
        "id": str(job.ref),
        "queue": job.ref.queue,
        "state": str(job.state),
        "task": job.task,
        "priority": str(job.priority),
        "tenant": job.ref.tenant,
        "payload": embedded(job.payload),
        "attempts": job.attempts,
        "enqueued_at": rfc3339(job.enqueued_at),
        "due_at": rfc3339(job.due_at),
        "died_at": rfc3339(job.died_at),
        "worker": job.worker,
        "deliveries": job.deliveries,
        "retries": job.retries,
        "timeout_s": seconds(job.timeout),
        "unique": job.unique,
        "throttle_s": seconds(job.throttle),
        "debounce_s": seconds(job.debounce),
        "debounce_max_s": seconds(job.debounce_max),
        "held_until": rfc3339(job.held_until),
        "concurrency_key": job.concurrency_key,
        "keep_s": seconds(job.keep),
        "schedule": job.schedule,
        "fire_at": rfc3339(job.fire_at),
        "group": job.group,
        "completes": job.completes,
        "then": list(job.then),
        "after": None if job.after is None else str(job.after),
        "previous": embedded(job.previous),
        "error": error_record(job.error),
        "result": embedded(job.result),
    }


def error_record(error: Failure | None) -> dict[str, str] | None:
    """A failed attempt as it stands in a record."""
    return None if error is None else asdict(error)


def receipt_record(receipt: Receipt) -> dict[str, Any]:
    """A receipt as a record of `RECEIPT`."""
    return {
        "schema": RECEIPT.schema,
        "id": str(receipt),
        "queue": receipt.queue,
        "duplicate": receipt.duplicate,
        "replaced": receipt.replaced,
        "postponed": receipt.postponed,
        "running": receipt.running,
        "held_until": rfc3339(receipt.held_until),
    }


def met_text(receipt: Receipt, key: str) -> str:
    """What became of a job whose key was taken, as a line for people."""
    if not receipt.duplicate:
        done = [word for word in ("postponed", "replaced") if getattr(receipt, word)]
        return f"{' and '.join(done)}: {receipt} waits under the key {key!r}; no job was added"
    why = ""
    if receipt.running:
        why = " and is running, so its payload stays"
    elif receipt.held_until is not None:
        why = f" until {rfc3339(receipt.held_until)}"
    return f"duplicate: {receipt} holds the key {key!r}{why}; nothing was enqueued"


def change_view(done_word: str) -> View:
    """The view of what a verb did to each job; ``done_word`` as in `emails/n17-0 retried`."""
    return View(
        schema="taskq.change/1",
        fields=("schema", "id", "queue", "verb", "done", "found"),
        columns=("id", "verb", "done", "found"),
        line=lambda record: f"{clean(record['id'])} {done_word}",
    )


def change_record(change: Change, verb: str) -> dict[str, Any]:
    """What a verb did to one job. ``found``: its state before, null when there is no such job."""
    return {
        "schema": "taskq.change/1",
        "id": str(change.ref),
        "queue": change.ref.queue,
        "verb": verb,
        "done": change.done,
        "found": change.found,
    }


def seconds(span: timedelta | None) -> float | None:
    """A span in seconds; whole ones without a fraction."""
    if span is None:
        return None
    value = span.total_seconds()
    return int(value) if value.is_integer() else value
