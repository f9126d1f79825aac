"""Which jobs are wanted: conditions on the fields of a job, such as `attempts>3, error.type=OSError`. Pure.

A field is a key of the job's JSON, with dots into `payload` and `error`. Operators: `=` and `!=` (with
`*` and `?` as in file names), `~` (contains), `>` `>=` `<` `<=` (numbers and times). A missing field
satisfies only `!=`.

The server sieves first: `JobFilter.sieve` names texts that a matching job must contain somewhere. What it
lets through is looked at in full by `JobFilter.accepts`, so the sieve may be coarse, but never too fine.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from taskq_core.errors import UsageError
from taskq_core.fingerprint import PATTERN
from taskq_core.job import JobDetail
from taskq_core.names import check_tenant, valid_group, valid_tenant

_CONDITION: Final = re.compile(r"\s*([A-Za-z_][\w.-]*?)\s*(!=|>=|<=|=|~|>|<)\s*(.*?)\s*")
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
# what JSON may write in more than one way inside a text, and what stands around texts
_WRITTEN_IN_MANY_WAYS: Final = re.compile(r"[\x00-\x20\x7f\"\\/{}\[\]:,\ufffd]+")
_PART_OF_A_NUMBER: Final = re.compile(r"[\d.eE+-]*")
_INTEGER: Final = re.compile(r"-?\d+")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_WILD: Final = re.compile(r"[*?]+")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: a field, an operator, the text it is compared with."""

    field: str
    sign: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition that a text like `attempts>3` is. Raises: UsageError."""
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text[:80]!r} is no condition", hint="For example: attempts>3, error.type=OSError"
            )
        if match[1].split(".")[0] not in FILTER_FIELDS:
            raise UsageError(f"no field {match[1][:80]!r}", hint=f"Fields: {', '.join(FILTER_FIELDS)}")
        return cls(match[1], match[2], match[3])

    def holds(self, job: JobDetail) -> bool:
        """Whether the job satisfies it."""
        return _compare(_value(job, self.field), self.sign, self.wanted)

    def needles(self) -> list[str]:
        """Texts that must occur in the JSON of a job that satisfies it."""
        if self.sign == "=" and _INTEGER.fullmatch(self.wanted):
            return [self.wanted]
        if self.sign == "~":
            pieces = [self.wanted]
        elif self.sign == "=":
            pieces = _pieces(self.wanted)
        else:
            return []
        found = [part for piece in pieces for part in _WRITTEN_IN_MANY_WAYS.split(piece)]
        return [part for part in found if not _PART_OF_A_NUMBER.fullmatch(part)]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Conditions, all of which must hold. ``task``: a pattern as in file names; ``group``: a fingerprint.

    ``tenant``: whose jobs. ``since``: enqueued, or dead, at that time or later; ``before``: enqueued, due or
    dead earlier than that.
    """

    conditions: tuple[Condition, ...] = ()
    task: str | None = None
    group: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    tenant: str | None = None

    @classmethod
    def parse(cls, text: str | None, **more: Any) -> JobFilter:
        """The filter that a text like `attempts>3, task=send-*` is. Raises: UsageError."""
        parts = text.split(",") if text else []
        conditions = tuple(Condition.parse(part) for part in parts)
        # so that only the jobs of that tenant are looked at
        named = [c.wanted for c in conditions if c.field == "tenant" and c.sign == "="]
        if named and valid_tenant(named[0]) and more.get("tenant") is None:
            more["tenant"] = named[0]
        return cls(conditions=conditions, **more)

    def __post_init__(self) -> None:
        if self.tenant is not None:
            check_tenant(self.tenant)
        if self.group is not None and not PATTERN.fullmatch(self.group):
            raise UsageError(
                f"{self.group[:80]!r} is no group",
                hint="`taskq failures --group` lists them: 12 hex digits each",
            )

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return self != _ALL

    def accepts(self, job: JobDetail) -> bool:
        """Whether the job satisfies all of it."""
        if self.tenant is not None and job.ref.tenant != self.tenant:
            return False
        if self.task is not None and not fnmatchcase(job.task, self.task):
            return False
        if self.group is not None and (job.error is None or job.error.fingerprint != self.group):
            return False
        if self.since is not None and (job.died_at or job.enqueued_at) < self.since:
            return False
        if self.before is not None and (job.died_at or job.due_at or job.enqueued_at) >= self.before:
            return False
        return all(condition.holds(job) for condition in self.conditions)

    def sieve(self) -> bytes:
        """What the server is told, as JSON; empty when it cannot help."""
        told: dict[str, Any] = {}
        for place, needles in self._needles():
            if needles:
                told[place] = [*told.get(place, ()), *needles]
        if self.group is not None:
            told["group"] = f'{self.group}"'
        told |= self._membership()
        if least := self._least_attempts():
            told["attempts"] = least
        if self.tenant is not None:
            told["tenant"] = self.tenant
        if self.since is not None:
            told["since"] = _ms(self.since)
        if self.before is not None:
            told["before"] = _ms(self.before) + 1
        return msgspec.json.encode(told) if told else b""

    def _needles(self) -> Iterator[tuple[str, list[str]]]:
        if self.task is not None:
            yield "task", _pieces(self.task)
        for condition in self.conditions:
            place, _, rest = condition.field.partition(".")
            if condition.field == "task":
                yield "task", _plain_needles(condition)
            elif place == "payload" or (place == "error" and rest in ("type", "message", "traceback")):
                yield place, condition.needles()

    def _membership(self) -> dict[str, str]:
        asked = [c.wanted for c in self.conditions if c.field == "group" and c.sign == "="]
        named = [name for name in asked if valid_group(name)]
        return {"member": f'"G":"{named[0]}"'} if named else {}

    def _least_attempts(self) -> int:
        asked = (c for c in self.conditions if c.field == "attempts" and c.sign in (">", ">=", "="))
        return max((int(c.wanted) for c in asked if _COUNT.fullmatch(c.wanted)), default=0)


_ALL: Final = JobFilter()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _pieces(pattern: str) -> list[str]:
    """The literal pieces of a pattern as in file names; of one with `[` only those before it."""
    literal = pattern.partition("[")[0]
    return [piece for piece in _WILD.split(literal) if piece and "\ufffd" not in piece]


def _plain_needles(condition: Condition) -> list[str]:
    if condition.sign == "=":
        return _pieces(condition.wanted)
    return [condition.wanted] if condition.sign == "~" and "\ufffd" not in condition.wanted else []


# -- the fields of a job -----------------------------------------------------------------------


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _span(span: timedelta | None) -> float | None:
    if span is None:
        return None
    value = span.total_seconds()
    return int(value) if value.is_integer() else value


def _json(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        raw.decode()
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return raw.decode(errors="replace")


_FIELDS: Final[Mapping[str, Callable[[JobDetail], Any]]] = {
    "schema": lambda job: "taskq.job/1",
    "id": lambda job: str(job.ref),
    "queue": lambda job: job.ref.queue,
    "state": lambda job: str(job.state),
    "task": lambda job: job.task,
    "priority": lambda job: str(job.priority),
    "tenant": lambda job: job.ref.tenant,
    "payload": lambda job: _json(job.payload),
    "attempts": lambda job: job.attempts,
    "enqueued_at": lambda job: _time(job.enqueued_at),
    "due_at": lambda job: _time(job.due_at),
    "died_at": lambda job: _time(job.died_at),
    "worker": lambda job: job.worker,
    "deliveries": lambda job: job.deliveries,
    "retries": lambda job: job.retries,
    "timeout_s": lambda job: _span(job.timeout),
    "unique": lambda job: job.unique,
    "throttle_s": lambda job: _span(job.throttle),
    "debounce_s": lambda job: _span(job.debounce),
    "debounce_max_s": lambda job: _span(job.debounce_max),
    "held_until": lambda job: _time(job.held_until),
    "concurrency_key": lambda job: job.concurrency_key,
    "keep_s": lambda job: _span(job.keep),
    "schedule": lambda job: job.schedule,
    "fire_at": lambda job: _time(job.fire_at),
    "group": lambda job: job.group,
    "completes": lambda job: job.completes,
    "then": lambda job: list(job.then),
    "after": lambda job: None if job.after is None else str(job.after),
    "previous": lambda job: _json(job.previous),
    "error": lambda job: asdict(job.error) if job.error else None,
    "result": lambda job: _json(job.result),
}
FILTER_FIELDS: Final = tuple(_FIELDS)
"""The fields that a condition may name, in the order of a job's record."""


def _value(job: JobDetail, path: str) -> Any:
    first, *rest = path.split(".")
    value = _FIELDS[first](job)
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _compare(value: Any, sign: str, wanted: str) -> bool:
    if sign == "!=":
        return value is None or not fnmatchcase(_text(value), wanted)
    if value is None:
        return False
    if sign == "=":
        return fnmatchcase(_text(value), wanted)
    if sign == "~":
        return wanted in _text(value)
    if isinstance(value, int | float):
        number = _number(wanted)
        return number is not None and _ORDER[sign](value, number)
    return _ORDER[sign](_text(value), wanted)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode(errors="replace")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
