"""Records of workers: what `taskq workers` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.sanitize import clean
from taskq_cli.views import View
from taskq_core import HeldJob, WorkerProcess

_FIELDS: Final = (
    "schema", "id", "queues", "host", "pid", "slots", "busy", "state", "seen_s", "started_at", "version",
    "python", "done", "failed", "tasks",
)  # fmt: skip
WORKER: Final = View(
    schema="taskq.worker/1",
    fields=_FIELDS,
    columns=("id", "queues", "host", "pid", "slots", "busy", "state", "seen_s", "version"),
    wide=_FIELDS[1:],
)
SHOWN: Final = View(
    schema=WORKER.schema,
    fields=(*_FIELDS, "running"),
    columns=(*_FIELDS[1:], "running"),
    upright=True,
    stream=True,
)
_DONE: Final = {"told": "told to stop", "stopped": "stopped", "pending": "still stopping"}
STOPPED: Final = View(
    schema="taskq.worker-stop/1",
    fields=("schema", "id", "queues", "outcome"),
    columns=("id", "outcome"),
    line=lambda record: f"{clean(record['id'])} {_DONE[record['outcome']]}",
)


def worker_record(worker: WorkerProcess, now: datetime) -> dict[str, Any]:
    """A worker as a record of `WORKER`. ``now``: by the server's clock; ``seen_s``: since it was heard of."""
    latest = worker.latest
    started = latest.started_at
    return {
        "schema": WORKER.schema,
        "id": worker.id,
        "queues": list(worker.queues),
        "host": latest.host,
        "pid": latest.pid,
        "slots": latest.slots,
        "busy": latest.busy,
        "state": worker.state,
        "seen_s": round(max(0.0, (now - latest.seen_at).total_seconds()), 3),
        "started_at": rfc3339(started),
        "version": latest.about.get("version"),
        "python": latest.about.get("python"),
        "done": latest.count("done"),
        "failed": latest.count("failed"),
        "tasks": sorted({task for lease in worker.leases for task in lease.tasks}),
    }


def shown_record(worker: WorkerProcess, now: datetime, jobs: Sequence[HeldJob]) -> dict[str, Any]:
    """A worker with the jobs in its hands, as a record of `SHOWN`."""
    return worker_record(worker, now) | {
        "running": [
            {
                "id": str(job.ref),
                "task": job.task,
                "priority": str(job.priority),
                "held_s": round(job.held_for.total_seconds(), 3),
                "deliveries": job.deliveries,
            }
            for job in jobs
        ]
    }


def stop_record(worker: WorkerProcess, outcome: str) -> dict[str, Any]:
    """What became of the order to stop: told, stopped or pending."""
    return {
        "schema": STOPPED.schema,
        "id": worker.id,
        "queues": list(worker.queues),
        "outcome": outcome,
    }
