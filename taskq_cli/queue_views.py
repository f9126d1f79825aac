"""Records of whole queues: what `taskq queue ls` and `taskq stats` print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.views import View, seconds
from taskq_core import Gates, Minute, QueueSnapshot, Rate

MINUTES: Final = 2
"""Of the past: the minute that runs, and the last whole one."""
_FIELDS: Final = (
    "schema", "queue", "at", "state", "paused", "ready", "ready_by_priority", "running", "scheduled", "dead",
    "held", "workers", "oldest_ready_s", "next_due_at", "enqueued_per_s", "done_per_s", "failed_per_s",
    "wait_p50_s", "wait_p99_s", "run_p50_s", "run_p99_s", "totals", "settings",
)  # fmt: skip
QUEUE: Final = View(
    schema="taskq.queue/1",
    fields=_FIELDS,
    columns=("queue", "ready", "running", "scheduled", "dead", "workers", "state"),
    wide=(
        "queue", "ready", "running", "scheduled", "dead", "workers", "state", "oldest_ready_s",
        "next_due_at",
    ),
    key="queue",
)  # fmt: skip
STATS: Final = View(
    schema=QUEUE.schema,
    fields=_FIELDS,
    columns=(
        "queue", "ready", "running", "scheduled", "dead", "workers", "oldest_ready_s", "enqueued_per_s",
        "done_per_s", "failed_per_s", "wait_p99_s", "run_p99_s",
    ),
    wide=tuple(name for name in _FIELDS[1:] if name not in ("ready_by_priority", "totals", "settings")),
    key="queue",
)  # fmt: skip

_WHO_SAID: Final = ("hand:", "code:")
SHOWN: Final = View(
    schema=QUEUE.schema,
    fields=(*_FIELDS, "limits", "gates", "worker_ids"),
    columns=(*_FIELDS[1:], "limits", "gates", "worker_ids"),
    key="queue",
    upright=True,
    stream=True,
)
_LIMITS: Final = (
    "queue", "max_jobs", "max_bytes", "dead_max", "dead_age_s", "slo_s", "notes", "rate", "max_running",
    "key_max_running", "tasks", "by_code",
)  # fmt: skip
LIMITS: Final = View(
    schema="taskq.queue-limits/1", fields=("schema", *_LIMITS), columns=_LIMITS, key="queue", upright=True
)


def shown_record(snapshot: QueueSnapshot, gates: Gates, workers: Iterable[str]) -> dict[str, Any]:
    """A queue as a record of `SHOWN`: with its limits, how they stand, and the ids of its workers."""
    limits = limits_record(snapshot)
    return queue_record(snapshot) | {
        "limits": {name: limits[name] for name in LIMITS.columns[1:]},
        "gates": gates_record(gates),
        "worker_ids": sorted(workers),
    }


def limits_record(snapshot: QueueSnapshot) -> dict[str, Any]:
    """A queue's limits as a record of `LIMITS`; ``max_jobs``, ``max_bytes`` null: no limit."""
    limits = snapshot.limits
    return {
        "schema": LIMITS.schema,
        "queue": snapshot.queue,
        "max_jobs": limits.max_jobs,
        "max_bytes": limits.max_bytes,
        "dead_max": limits.dead_max,
        "dead_age_s": seconds(limits.dead_age),
        "slo_s": seconds(snapshot.slo),
        "notes": "notes_off" not in snapshot.settings,
        **_flow_fields(snapshot),
    }


def _flow_fields(snapshot: QueueSnapshot) -> dict[str, Any]:
    """How many jobs start and run. ``by_code``: which limits are those that code declares."""
    found: dict[str, Any] = {"rate": None, "max_running": None, "key_max_running": None}
    tasks: dict[str, dict[str, Any]] = {}
    for limit in snapshot.flow_limits:
        value = str(limit.value) if isinstance(limit.value, Rate) else limit.value
        (tasks.setdefault(limit.task, {}) if limit.task else found)[limit.name] = value
    return {**found, "tasks": tasks, "by_code": snapshot.declared}


def gates_record(gates: Gates) -> list[dict[str, Any]]:
    """The limits of a queue as they stand, as records."""
    return [
        {
            "limit": gate.label,
            "rate": None if gate.rate is None else str(gate.rate),
            "max_running": gate.max_running,
            "running": gate.running,
            "held": gate.held,
            "opens_in_s": seconds(gate.opens_in),
        }
        for gate in gates.gates
    ]


def queue_record(snapshot: QueueSnapshot) -> dict[str, Any]:
    """A queue as a record of `QUEUE`. Rates and percentiles are those of the last whole minute."""
    minute = _last_whole(snapshot)
    counts = minute.counts if minute is not None else {}
    return {
        "schema": QUEUE.schema,
        "queue": snapshot.queue,
        "at": rfc3339(snapshot.at),
        "state": snapshot.state,
        "paused": snapshot.paused,
        "ready": snapshot.ready_total,
        "ready_by_priority": {str(level): count for level, count in snapshot.ready.items()},
        "running": snapshot.running,
        "scheduled": snapshot.scheduled,
        "dead": snapshot.dead,
        "held": snapshot.held,
        "workers": snapshot.workers,
        "oldest_ready_s": snapshot.oldest_ready_s,
        "next_due_at": rfc3339(snapshot.next_due_at),
        "enqueued_per_s": _rate(counts, "enqueued"),
        "done_per_s": _rate(counts, "done"),
        "failed_per_s": _rate(counts, "failed"),
        **_percentiles(minute),
        "totals": dict(snapshot.totals),
        "settings": {name: said for name, said in snapshot.settings.items() if name[:5] not in _WHO_SAID},
    }


def _last_whole(snapshot: QueueSnapshot) -> Minute | None:
    whole = [minute for minute in snapshot.history if (snapshot.at - minute.at).total_seconds() >= 60]
    return whole[0] if whole and (snapshot.at - whole[0].at).total_seconds() < 120 else None


def _rate(counts: Mapping[str, int], name: str) -> float:
    return round(counts.get(name, 0) / 60, 2)


def _percentiles(minute: Minute | None) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in ("wait", "run"):
        times = getattr(minute, name, None)
        found[f"{name}_p50_s"] = None if times is None else round(times.p50 / 1000, 6)
        found[f"{name}_p99_s"] = None if times is None else round(times.p99 / 1000, 6)
    return found
