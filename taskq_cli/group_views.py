"""Groups as records: what `taskq group` and `taskq wait --group` print."""

from __future__ import annotations

from typing import Any, Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.sanitize import clean
from taskq_cli.views import View, seconds
from taskq_core import GroupInfo

GROUP: Final = View(
    schema="taskq.group/1",
    fields=(
        "schema", "id", "queue", "name", "state", "total", "expected", "pending", "done", "dead", "cancelled",
        "removed", "open", "when", "callback", "job", "created_at", "finished_at", "keep_s", "advice",
    ),
    columns=("id", "state", "total", "pending", "done", "dead", "callback", "created_at"),
    wide=(
        "id", "state", "total", "expected", "pending", "done", "dead", "cancelled", "removed", "when",
        "callback", "job", "created_at", "finished_at",
    ),
)  # fmt: skip
SHOWN: Final = View(
    schema=GROUP.schema, fields=GROUP.fields, columns=GROUP.fields[1:], upright=True, stream=True
)
ENDED_GROUP: Final = View(
    schema=GROUP.schema,
    fields=GROUP.fields,
    columns=GROUP.columns,
    line=lambda record: f"{clean(record['id'])} {record['state']}",
    stream=True,
)


def group_record(info: GroupInfo) -> dict[str, Any]:
    """A group as a record of `GROUP`. ``id`` is the full reference, which every command takes back."""
    return {
        "schema": GROUP.schema,
        "id": str(info.ref),
        "queue": info.ref.queue,
        "name": info.ref.id,
        "state": str(info.state),
        "total": info.total,
        "expected": info.expected,
        "pending": info.pending,
        "done": info.done,
        "dead": info.dead,
        "cancelled": info.cancelled,
        "removed": info.removed,
        "open": info.open,
        "when": str(info.when),
        "callback": info.callback,
        "job": None if info.job is None else str(info.job),
        "created_at": rfc3339(info.created_at),
        "finished_at": rfc3339(info.finished_at),
        "keep_s": seconds(info.keep),
        "advice": info.advice or None,
    }
