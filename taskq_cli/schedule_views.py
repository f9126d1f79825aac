"""Schedules as records: what each command of `taskq schedule` prints."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from taskq_cli.backoff_lines import backoff_record
from taskq_cli.jsontext import embedded, rfc3339
from taskq_cli.views import Record, View, seconds
from taskq_core import Schedule, ScheduledRun, ScheduleInfo, WorkerInfo, check_payload

OVERDUE_AFTER: Final = timedelta(seconds=5)
"""How late a schedule is before it is called overdue: workers fire it within a second or two."""

SCHEDULE: Final = View(
    schema="taskq.schedule/1",
    fields=(
        "schema", "id", "queue", "name", "state", "spec", "tz", "task", "payload", "priority", "tenant",
        "retries", "backoff", "timeout_s", "keep_s", "concurrency_key", "missed", "grace_s", "overlap",
        "jitter_s", "source", "orphan", "paused", "next_at", "last_at", "last_due_at", "last_outcome",
        "last_job", "drift_s", "fired", "missed_runs", "skipped_runs", "runs",
    ),
    columns=("id", "state", "spec", "tz", "task", "next_at", "last_at", "drift_s", "missed_runs"),
    wide=(
        "id", "state", "spec", "tz", "task", "source", "next_at", "last_at", "last_outcome", "drift_s",
        "fired", "missed_runs", "skipped_runs", "missed", "overlap", "payload",
    ),
)  # fmt: skip
SHOWN: Final = View(
    schema=SCHEDULE.schema, fields=SCHEDULE.fields, columns=SCHEDULE.fields[1:], upright=True, stream=True
)
TIMES: Final = View(
    schema="taskq.schedule-time/1",
    fields=("schema", "local", "utc", "tz", "in_s"),
    columns=("local", "utc", "in_s"),
    key="utc",
)


def declared_by(workers: Iterable[WorkerInfo]) -> dict[str, set[str]]:
    """The schedules that live workers declare, by queue; a queue that nobody serves is not in it."""
    found: dict[str, set[str]] = {}
    for worker in workers:
        found.setdefault(worker.queue, set()).update(worker.schedules)
    return found


def is_orphan(info: ScheduleInfo, declared: Collection[str] | None) -> bool:
    """Whether code declared it once and no worker does any more; unknown, so no, where none is alive."""
    return info.code and declared is not None and info.ref.name not in declared


def state_of(info: ScheduleInfo, *, orphan: bool) -> str:
    """active, paused, ended (no further time), overdue (nobody fires it), orphan or malformed."""
    if not info.sound:
        return "malformed"
    if info.paused:
        return "paused"
    if info.next_at is None:
        return "ended"
    if info.overdue > OVERDUE_AFTER:
        return "overdue"
    return "orphan" if orphan else "active"


def schedule_record(info: ScheduleInfo, declared: Collection[str] | None) -> dict[str, Any]:
    """A schedule as a record of `SCHEDULE`. ``id`` is the full reference, which every command takes back."""
    schedule, options, last = info.schedule, info.schedule.options, info.last
    orphan = is_orphan(info, declared)
    return {
        "schema": SCHEDULE.schema,
        "id": str(info.ref),
        "queue": info.ref.queue,
        "name": info.ref.name,
        "state": state_of(info, orphan=orphan),
        "spec": schedule.spec,
        "tz": schedule.tz,
        "task": schedule.task,
        "payload": embedded(check_payload(schedule.payload)),
        "priority": str(options.priority),
        "tenant": options.tenant,
        "retries": options.retries,
        "backoff": backoff_record(options.backoff),
        "timeout_s": seconds(options.timeout),
        "keep_s": seconds(options.keep),
        "concurrency_key": options.concurrency_key,
        "missed": str(schedule.missed),
        "grace_s": seconds(timedelta(milliseconds=schedule.grace_ms)),
        "overlap": str(schedule.overlap),
        "jitter_s": seconds(schedule.jitter),
        "source": "code" if info.code else "hand",
        "orphan": orphan,
        "paused": info.paused,
        "next_at": rfc3339(info.next_at),
        "last_at": rfc3339(last.at) if last else None,
        "last_due_at": rfc3339(last.due) if last else None,
        "last_outcome": last.outcome if last else None,
        "last_job": str(last.job) if last and last.job else None,
        "drift_s": seconds(last.drift) if last else None,
        "fired": info.fired,
        "missed_runs": info.missed,
        "skipped_runs": info.skipped,
        "runs": [run_record(run) for run in info.runs],
    }


def run_record(run: ScheduledRun) -> dict[str, Any]:
    """One run as it stands in a record."""
    return {
        "due_at": rfc3339(run.due),
        "at": rfc3339(run.at),
        "drift_s": seconds(run.drift),
        "outcome": run.outcome,
        "job": str(run.job) if run.job else None,
    }


def time_record(at: datetime, schedule: Schedule, now: datetime) -> Record:
    """One time as a record of `TIMES`: as a clock shows it there, and in UTC."""
    return {
        "schema": TIMES.schema,
        "local": shown_there(at, schedule.tz),
        "utc": rfc3339(at),
        "tz": schedule.tz,
        "in_s": seconds(timedelta(seconds=round((at - now).total_seconds()))),
    }


def shown_there(at: datetime, tz: str) -> str:
    """A time as a clock in a zone shows it, with its offset."""
    from zoneinfo import ZoneInfo

    there = at.astimezone(UTC if tz == "UTC" else ZoneInfo(tz))
    return there.isoformat(sep=" ", timespec="seconds")
