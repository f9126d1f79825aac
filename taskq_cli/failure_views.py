"""Records of what failed or ended: what `taskq failures` and `taskq tail` print."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.notes_views import percent
from taskq_cli.sanitize import clean
from taskq_cli.views import Record, View
from taskq_core import Event, FailureGroup

_FIELDS: Final = (
    "schema", "id", "queue", "at", "state", "task", "attempt", "error", "next_attempt_at", "count",
    "progress", "text",
)  # fmt: skip
_COLUMNS: Final = ("id", "at", "state", "task", "attempt", "error")
FAILURE: Final = View(
    schema="taskq.event/1", fields=_FIELDS, columns=_COLUMNS, wide=(*_COLUMNS[:5], "next_attempt_at", "error")
)
EVENT: Final = View(schema=FAILURE.schema, fields=_FIELDS, columns=_COLUMNS, wide=FAILURE.wide, stream=True)


def event_line(record: Record) -> str:
    """An event as a terminal shows it."""
    words = [str(record["at"])[11:19], f"{record['state']:9}", record["id"], record["task"]]
    if record["error"] is not None:
        words.append(f"attempt {record['attempt']}: {record['error']['type']}: {record['error']['message']}")
    if record["text"] is not None:
        told = [] if record["progress"] is None else [percent(record["progress"])]
        words += [f"#{record['attempt']}", *told, record["text"]]
    if record["next_attempt_at"] is not None:
        words.append(f"(next attempt {record['next_attempt_at'][11:19]})")
    return "  ".join(clean(str(word)) for word in words)


SAID: Final = replace(EVENT, columns=(*_COLUMNS, "progress", "text"))
"""With what jobs say while they run."""
GROUP: Final = View(
    schema="taskq.failure_group/1",
    fields=(
        "schema", "fingerprint", "count", "state", "task", "type", "message", "first_at", "last_at", "sample",
        "queues",
    ),
    columns=("fingerprint", "count", "task", "type", "message", "last_at"),
    wide=(
        "fingerprint", "count", "state", "task", "type", "message", "first_at", "last_at", "sample", "queues",
    ),
    key="fingerprint",
)  # fmt: skip


def event_record(event: Event) -> dict[str, Any]:
    """An event as a record of `EVENT`. ``id`` is null where it only counts others that ended alike."""
    return {
        "schema": EVENT.schema,
        "id": None if event.id is None else f"{event.queue}/{event.id}",
        "queue": event.queue,
        "at": rfc3339(event.at),
        "state": event.state,
        "task": event.task,
        "attempt": event.attempt,
        "error": _error(event),
        "next_attempt_at": rfc3339(event.next_attempt_at),
        "count": event.count,
        "progress": event.progress,
        "text": event.text,
    }


def _error(event: Event) -> dict[str, str | None] | None:
    if event.type is None:
        return None
    return {"type": event.type, "message": event.message, "fingerprint": event.fingerprint}


def group_record(group: FailureGroup, state: str) -> dict[str, Any]:
    """A group as a record of `GROUP`."""
    return {
        "schema": GROUP.schema,
        "fingerprint": group.fingerprint,
        "count": group.count,
        "state": state,
        "task": group.task,
        "type": group.type,
        "message": group.message,
        "first_at": rfc3339(group.first_at),
        "last_at": rfc3339(group.last_at),
        "sample": str(group.sample),
        "queues": list(group.queues),
    }
