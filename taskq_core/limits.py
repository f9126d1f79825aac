"""How many jobs may run, and start: limits of queues, tasks and concurrency keys, said and stored. Pure.

A value is unchanged where it is None, the default again where it is 0, and no limit where it is "off", also
where code says another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from taskq_core.errors import InvalidOption
from taskq_core.names import check_task
from taskq_core.rates import Rate

Off = Literal["off"]
Stored = int | str | None

NUMBERS: Final = frozenset({
    "max_jobs", "max_bytes", "dead_max", "dead_age", "slo", "notes_off", "max_running", "key_max_running",
})  # fmt: skip
DECLARED: Final = ("max_jobs", "max_bytes", "rate", "max_running", "key_max_running")
"""What code may say of its queue; of these, in its tasks, the ones in `OF_TASKS`."""
OF_TASKS: Final = ("rate", "max_running", "key_max_running")
_MOST: Final = 1_000_000_000_000_000
HAND, CODE = "hand", "code"


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """Limits of one task: starts, jobs that run, and jobs of one concurrency key that run."""

    rate: str | Rate | None = None
    max_running: int | Off | None = None
    key_max_running: int | Off | None = None

    def stored(self, task: str = "") -> dict[str, Stored]:
        """As stored, of a task or of the whole queue; only those that are said. Raises: InvalidOption."""
        of = f":{check_task(task)}" if task else ""
        said: dict[str, Stored] = {}
        if self.rate is not None:
            said[f"rate{of}"] = self.rate if self.rate in ("0", "off") else Rate.parse(self.rate).stored
        if self.max_running is not None:
            said[f"max_running{of}"] = self.max_running
        if self.key_max_running is not None:
            said[f"key_max_running{of}"] = self.key_max_running
        return {name: checked(name, value) for name, value in said.items()}


def stored(
    *,
    rate: str | Rate | None = None,
    max_running: int | Off | None = None,
    key_max_running: int | Off | None = None,
    tasks: Mapping[str, TaskLimits] | None = None,
) -> dict[str, Stored]:
    """Limits of a queue and its tasks as they are stored. Raises: InvalidOption, InvalidName."""
    said = TaskLimits(rate, max_running, key_max_running).stored()
    for task, limits in (tasks or {}).items():
        said |= limits.stored(task)
    return said


def declared(
    task: str, limits: TaskLimits, *, max_jobs: int | Off | None = None, max_bytes: int | Off | None = None
) -> dict[str, Stored]:
    """What code says of a task, or of its queue. Raises: InvalidOption, InvalidName."""
    said = limits.stored(task)
    for name, value in (("max_jobs", max_jobs), ("max_bytes", max_bytes)):
        if value is not None:
            said[name] = checked(name, value)
    return said


def checked(name: str, value: Stored) -> Stored:
    """The value under a stored name; None for the default. Raises: InvalidOption."""
    field, _, task = name.partition(":")
    if (field not in NUMBERS and field != "rate") or (task and field not in OF_TASKS):
        raise InvalidOption(
            f"unknown limit {name!r}", hint=f"One of: {', '.join(sorted({*NUMBERS, 'rate'}))}"
        )
    if value in (0, "0", None):
        return None
    if value == "off" and field in DECLARED:
        return value
    if field == "rate":
        if not isinstance(value, str) or Rate.read(value) is None:
            raise InvalidOption(f"{value!r} is no rate", hint="For example 100/s")
        return value
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise InvalidOption(f"{name} must be at least 1, not {value}")
    return value


@dataclass(frozen=True, slots=True)
class FlowLimit:
    """A limit as it stands. ``name``: rate, max_running or key_max_running; ``task``: "" for the whole queue;
    ``value``: a `Rate` or a number; ``source``: code or hand, who said so.
    """

    name: str
    task: str
    value: Rate | int
    source: str

    @property
    def stored_name(self) -> str:
        """Its name among a queue's settings, such as ``rate:send``."""
        return f"{self.name}:{self.task}" if self.task else self.name

    @property
    def text(self) -> str:
        """What it was set to, in words."""
        return str(self.value)

    def __str__(self) -> str:
        of = f" of task {self.task}" if self.task else ""
        return f"{self.name.replace('_', ' ')} {self.value}{of}"


def read(settings: Mapping[str, str]) -> tuple[FlowLimit, ...]:
    """The limits among a queue's settings; what cannot be read is left out: anybody may have written it."""
    found = []
    for name, text in sorted(settings.items()):
        field, _, task = name.partition(":")
        if field not in OF_TASKS:
            continue
        value = Rate.read(text) if field == "rate" else _number(text)
        if value:
            found.append(FlowLimit(field, task, value, source(settings, name)))
    return tuple(found)


def source(settings: Mapping[str, str], name: str) -> str:
    """Who set it: ``code`` when it was declared there and not set by hand since, else ``hand``."""
    return CODE if f"code:{name}" in settings and f"hand:{name}" not in settings else HAND


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


@dataclass(frozen=True, slots=True)
class GateInfo:
    """A limit at one moment: what runs under it, and what it holds.

    ``of``: queue, task or key; ``name``: the task or the key. ``held``: jobs that wait at it. ``may_start``:
    how many its rate lets start now; ``opens_in``: when it lets the next one, where a rate closes it.
    ``running_job``: one that runs under it, where a single job was asked for.
    """

    of: str
    name: str
    rate: Rate | None
    max_running: int | None
    running: int
    held: int
    may_start: int | None = None
    opens_in: timedelta | None = None
    running_job: str | None = None

    @property
    def full(self) -> bool:
        """Whether as many jobs run as may."""
        return self.max_running is not None and self.running >= self.max_running

    @property
    def closed(self) -> bool:
        """Whether no job may start under it now."""
        return self.full or self.may_start == 0

    @property
    def label(self) -> str:
        """Whose limit it is: ``the queue``, ``task send``, ``key user:5``."""
        return "the queue" if self.of == "queue" else f"{self.of} {self.name}"

    def __str__(self) -> str:
        if self.full or self.rate is None:
            return f"{self.running} of {self.max_running} of {self.label} running"
        return f"rate {self.rate} of {self.label}"


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits of a queue as they stand. ``held``: jobs in all that a limit of a task or key holds."""

    at: datetime
    held: int
    running: int
    gates: tuple[GateInfo, ...]

    @property
    def closed(self) -> tuple[GateInfo, ...]:
        """Those under which no job may start now."""
        return tuple(gate for gate in self.gates if gate.closed)
