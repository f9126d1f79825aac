"""The columns of the list of jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from taskq_cli.top.format import Pen, ago, span
from taskq_cli.top.widgets.columns import Cell, Column
from taskq_core import JobDetail, State

LOOKS: Final = {State.READY: "", State.RUNNING: "good", State.SCHEDULED: "accent", State.DEAD: "bad"}
Now = Callable[[], datetime]


SHOWN: Final = {
    State.READY: ("id", "task", "attempts", "priority", "age"),
    State.RUNNING: ("id", "task", "attempts", "priority", "age", "worker"),
    State.SCHEDULED: ("id", "task", "attempts", "priority", "age", "when", "error"),
    State.DEAD: ("id", "task", "attempts", "priority", "age", "when", "error"),
}
"""What there is to be told of jobs in each state."""


WIDEST_ID: Final = 40
"""A longer name loses a part of its queue, never of the id."""


def columns_of(columns: Sequence[Column], state: State, longest: int) -> tuple[Column, ...]:
    """Those that jobs of a state fill. ``longest``: cells of the longest id, for which others give way."""
    shown = [column for column in columns if column.name in SHOWN[state]]
    title = "DIED" if state is State.DEAD else "DUE"
    width = max(shown[0].width, min(longest, WIDEST_ID))
    shown[0] = replace(shown[0], width=width, flexible="error" not in SHOWN[state])
    return tuple(replace(column, title=title) if column.name == "when" else column for column in shown)


def job_columns(pen: Pen, now: Now, name: Callable[[JobDetail], str]) -> list[Column]:
    """All of them. ``now``: the moment that ages are told of; ``name``: the id as it is shown."""
    return [
        Column("id", "JOB", 20, lambda job: (name(job), ""), lambda job: str(job.ref), right=False,
               flexible=True, descending=False),
        Column("task", "TASK", 14, lambda job: (job.task, ""), lambda job: job.task, 1, right=False,
               descending=False),
        Column("attempts", "TRY", 4, _attempts, lambda job: job.attempts, 5),
        Column("priority", "LEVEL", 8, lambda job: (str(job.priority), "dim"), lambda job: job.priority, 7,
               right=False),
        Column("age", "AGE", 6, lambda job: (ago(job.enqueued_at, now()), ""), lambda job: job.enqueued_at,
               6, descending=False),
        Column("when", "WHEN", 10, lambda job: when(job, now()), lambda job: job.died_at or job.due_at, 4),
        Column("worker", "WORKER", 14, lambda job: (job.worker or "", ""), lambda job: job.worker or "", 3,
               right=False, descending=False),
        Column("error", "ERROR", 16, _error, error_of, 2, right=False, flexible=True, descending=False),
    ]  # fmt: skip


def named(queue: str, name: str, cut: str, width: int = WIDEST_ID) -> str:
    """A job as it is listed: its id is whole, of a long queue's name there is what has room."""
    room = max(1, width - len(name) - 1)
    return f"{queue if len(queue) <= room else queue[: room - 1] + cut}/{name}"


def when(job: JobDetail, now: datetime) -> Cell:
    """When it is due, or how long ago it died."""
    if job.died_at is not None:
        return f"{ago(job.died_at, now)} ago", ""
    if job.due_at is None:
        return "", ""
    left = (job.due_at - now).total_seconds()
    return (f"in {span(left)}", "") if left >= 0 else (f"{span(-left)} late", "warn")


def error_of(job: JobDetail) -> str:
    """The last attempt's error on one line."""
    return "" if job.error is None else f"{job.error.type}: {job.error.message}"


def _error(job: JobDetail) -> Cell:
    return error_of(job), "bad" if job.state is State.DEAD else "warn"


def _attempts(job: JobDetail) -> Cell:
    return str(job.attempts), "warn" if job.attempts > 1 else ""
