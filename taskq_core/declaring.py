"""Schedules that are declared beside their task, with `TaskQueue.cron` and `TaskQueue.every`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from taskq_core.codec import check_payload
from taskq_core.config import MAX_SCHEDULE_BYTES
from taskq_core.errors import InvalidOption, InvalidPayload
from taskq_core.job import JobOptions
from taskq_core.schedule import Schedule
from taskq_core.task import Handler, Task

_OF_SCHEDULES = frozenset({"tz", "missed", "grace", "overlap", "jitter"})


def declare(handler: Handler, spec: str, fields: Mapping[str, Any]) -> Schedule:
    """The schedule of a task. Raises: InvalidName, InvalidOption, InvalidPayload.

    ``fields``: ``name`` (None: the task's), ``payload``, those of a schedule, and those of `JobOptions`.
    """
    rest = dict(fields)
    name = rest.pop("name") or handler.name
    raw = check_payload(rest.pop("payload") or {}, MAX_SCHEDULE_BYTES)
    if handler.check is not None:
        try:
            handler.check(raw)
        except InvalidPayload as error:
            raise InvalidPayload(
                error.reason, hint="A schedule says what its task is given: payload={...}"
            ) from error
    own = {field: rest.pop(field) for field in _OF_SCHEDULES & rest.keys()}
    try:
        options = JobOptions(**rest)
    except TypeError as error:
        raise InvalidOption(f"unknown option of a schedule: {error}") from error
    return Schedule(name, spec, handler.name, raw, options, **own)


def handler_of(handlers: Mapping[str, Handler], function: Callable[..., Any]) -> Handler | None:
    """The handler that a decorator below this one registered; None for a bare function."""
    if isinstance(function, Task):
        return function.handler
    return next((each for each in handlers.values() if each.function is function), None)


def add_to(schedules: dict[str, Schedule], schedule: Schedule, queue: str) -> None:
    """Takes a schedule in. Raises: InvalidOption for a second one of its name."""
    if schedule.name in schedules:
        raise InvalidOption(
            f"schedule {schedule.name!r} is declared twice in queue {queue!r}",
            hint="A second schedule of a task needs a name of its own: name=…",
        )
    schedules[schedule.name] = schedule
