"""Setting how many jobs of a queue run, and how often they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

import typer

from taskq_cli.sanitize import clean
from taskq_core import InvalidName, InvalidOption, Rate, TaskLimits, check_task

OFF: Literal["off"] = "off"
NAMES: Final = tuple(each.name for each in fields(TaskLimits))
"""What may be limited: of a queue, and of a task."""


def rate_option(text: str) -> str:
    """A rate, ``off`` or ``0``, as it was written."""
    if text.strip() not in (OFF, "0"):
        try:
            Rate.parse(text)
        except InvalidOption as error:
            raise typer.BadParameter(f"{error}; {error.hint}" if error.hint else str(error)) from None
    return text.strip()


def number_option(text: str) -> int | str:
    """A number, or ``off``."""
    if text.strip() == OFF:
        return OFF
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 15):
        raise typer.BadParameter(f"{clean(text)!r} is neither a number nor off")
    return int(text)


def _of_task(read: Callable[[str], Any]) -> Callable[[str], tuple[str, Any]]:
    def parse(text: str) -> tuple[str, Any]:
        task, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{clean(text)!r} is not TASK=LIMIT, for example send=10/s")
        try:
            return check_task(task), read(value)
        except InvalidName as error:
            raise typer.BadParameter(clean(str(error))) from None

    return parse


def flow_of(said: Mapping[str, str]) -> dict[str, Any]:
    """Limits by stored name, such as ``rate:send``, as `Client.configure` takes them. Raises: ValueError."""
    found: dict[str, Any] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for name, text in said.items():
        field, _, task = name.partition(":")
        if field not in NAMES:
            raise ValueError(f"unknown limit {clean(name)!r}")
        (tasks.setdefault(task, {}) if task else found)[field] = text if field == "rate" else int(text)
    return found | {
        "tasks": {check_task(task): TaskLimits(**limits) for task, limits in tasks.items()} or None
    }


@dataclass(frozen=True, slots=True)
class NewFlow:
    """The limits of starting and running that are to change."""

    rate: Annotated[
        str | None,
        typer.Option(
            "--rate", metavar="RATE", parser=rate_option, help="Jobs that start: 100/s, 6000/m, 1/10s."
        ),
    ] = None
    max_running: Annotated[
        Any, typer.Option("--max-running", metavar="N", parser=number_option, help="Jobs that run at a time.")
    ] = None
    key_max_running: Annotated[
        Any,
        typer.Option(
            "--key-max-running", metavar="N", parser=number_option, help="The same of each concurrency key."
        ),
    ] = None
    task_rate: Annotated[
        list[Any] | None,
        typer.Option(
            "--task-rate", metavar="TASK=RATE", parser=_of_task(rate_option), help="As --rate, of a task."
        ),
    ] = None
    task_max_running: Annotated[
        list[Any] | None,
        typer.Option(
            "--task-max-running", metavar="TASK=N", parser=_of_task(number_option),
            help="As --max-running, of a task.",
        ),
    ] = None  # fmt: skip
    task_key_max_running: Annotated[
        list[Any] | None,
        typer.Option(
            "--task-key-max-running", metavar="TASK=N", parser=_of_task(number_option),
            help="As --key-max-running, of a task.",
        ),
    ] = None  # fmt: skip

    @property
    def none(self) -> bool:
        """Whether nothing is to change."""
        return not any(getattr(self, field.name) is not None for field in fields(self))

    @property
    def given(self) -> Mapping[str, Any]:
        """As `Client.configure` takes them."""
        tasks: dict[str, dict[str, Any]] = {}
        for name in NAMES:
            for task, value in getattr(self, f"task_{name}") or ():
                tasks.setdefault(task, {})[name] = value
        found = {name: getattr(self, name) for name in NAMES}
        return found | {"tasks": {task: TaskLimits(**limits) for task, limits in tasks.items()} or None}

    @property
    def named(self) -> Mapping[str, object]:
        """What is to change, for people."""
        found: dict[str, object] = {}
        for field in fields(self):
            value, flag = getattr(self, field.name), field.name.replace("_", "-")
            if isinstance(value, list):
                found |= {f"{flag} {task}": limit for task, limit in value}
            elif value is not None:
                found[flag] = value
        return found
