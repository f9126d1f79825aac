"""`--filter`: conditions on a job's fields, joined by commas, such as `attempts>3, error.type=OSError`.

A field is a key of the job's JSON, with dots into `payload` and `error`. Operators: `=` and `!=` (with
`*` and `?` as in file names), `~` (contains), `>` `>=` `<` `<=` (numbers and times). A missing field
satisfies only `!=`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from taskq_cli.sanitize import clean
from taskq_cli.views import JOB, job_record
from taskq_core import JobDetail, UsageError

_CONDITION = re.compile(r"\s*([A-Za-z_][\w.-]*?)\s*(!=|>=|<=|=|~|>|<)\s*(.*?)\s*")
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
Condition = Callable[[Mapping[str, Any]], bool]


def parse_filter(text: str | None) -> Callable[[JobDetail], bool]:
    """Whether a job satisfies all conditions. Raises: UsageError."""
    if not text:
        return lambda job: True
    conditions = [_condition(part) for part in text.split(",")]

    def accepts(job: JobDetail) -> bool:
        record = job_record(job)
        return all(condition(record) for condition in conditions)

    return accepts


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{clean(text)!r} is no condition", hint="For example: attempts>3, error.type=OSError"
        )
    name, sign, wanted = match.groups()
    if name.split(".")[0] not in JOB.fields:
        raise UsageError(f"no field {clean(name)!r}", hint=f"Fields: {', '.join(JOB.fields)}")

    def holds(record: Mapping[str, Any]) -> bool:
        return _compare(_value(record, name), sign, wanted)

    return holds


def _value(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        if isinstance(value, msgspec.Raw):
            value = msgspec.json.decode(value)
        value = value.get(part) if isinstance(value, Mapping) else None
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value


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
