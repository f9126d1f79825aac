"""One line of `taskq enqueue -`: a job as JSON, with what it leaves out taken from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from taskq_cli.durations import line_span, parse_time
from taskq_cli.job_defaults import Defaults
from taskq_cli.links import links_of
from taskq_cli.sanitize import clean
from taskq_core import (
    JobOptions,
    UsageError,
    check_queue,
    check_task,
)

_EMPTY: Final = msgspec.Raw(b"{}")
_NULL: Final = msgspec.Raw(b"null")
KINDS_KEPT: Final = 256
"""Different tasks, queues and options that are remembered; a line that repeats them is read faster."""


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line without options: most are, and reading them takes half the time."""

    task: str = ""
    payload: msgspec.Raw = _EMPTY
    queue: str = ""


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"in_": "in"}):
    task: str = ""
    payload: msgspec.Raw = _EMPTY
    queue: str = ""
    priority: str | None = None
    in_: str | float | None = None
    at: str | None = None
    retries: int | None = None
    timeout: str | float | None = None
    unique: str | None = None
    unique_for: str | float | None = None
    throttle: str | float | None = None
    debounce: str | float | None = None
    debounce_max: str | float | None = None
    replace: bool | None = None
    concurrency_key: str | None = None
    keep: str | float | None = None
    tenant: str | None = None
    group: str | None = None
    then: msgspec.Raw = _NULL


KEYS: Final = _Line.__struct_encode_fields__
_decode: Final = msgspec.json.Decoder(_Line).decode
_decode_plain: Final = msgspec.json.Decoder(_Plain).decode


@dataclass(frozen=True, slots=True)
class Kind:
    """What jobs have in common that may go out in one call."""

    queue: str
    task: str
    options: JobOptions


@dataclass(slots=True)
class LineParser:
    """Turns lines into jobs and the queues they go to."""

    defaults: Defaults
    _options: dict[tuple[Any, ...], JobOptions] = field(default_factory=dict)
    _kinds: dict[tuple[str, str, int], Kind] = field(default_factory=dict)

    def parse(self, line: bytes) -> tuple[Kind, bytes]:
        """The kind and the payload of a line; equal kinds are identical. Raises: UsageError."""
        try:
            found: _Plain | _Line = _decode_plain(line)
            options = self.defaults.options
        except (msgspec.MsgspecError, RecursionError, ValueError):
            found = self._decode(line)
            options = self._options_of(found)
        kind = self._kinds.get((found.queue, found.task, id(options)))
        return kind or self._new_kind(found, options), bytes(found.payload)

    def _decode(self, line: bytes) -> _Line:
        try:
            return _decode(line)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise UsageError(_reason(line, error)) from None

    def _new_kind(self, line: _Plain | _Line, options: JobOptions) -> Kind:
        task = line.task or self.defaults.task
        if task is None:
            raise UsageError('no "task" in the line, and none on the command line')
        kind = Kind(check_queue(line.queue or self.defaults.queue), check_task(task), options)
        if len(self._kinds) >= KINDS_KEPT:
            self._kinds.clear()
        # the kind holds its options, so their id stays theirs as long as it is known
        self._kinds[line.queue, line.task, id(options)] = kind
        return kind

    def _options_of(self, line: _Line) -> JobOptions:
        key = (
            line.priority, line.in_, line.at, line.retries, line.timeout, line.unique, line.unique_for,
            line.keep, line.throttle, line.debounce, line.debounce_max, line.replace, line.concurrency_key,
            line.tenant, line.group, bytes(line.then),
        )  # fmt: skip
        known = self._options.get(key)
        if known is None:
            known = self._merged(line)
            if len(self._options) >= KINDS_KEPT:
                self._options.clear()
            self._options[key] = known
        return known

    def _merged(self, line: _Line) -> JobOptions:
        try:
            return replace(self.defaults.options, **_given(line))
        except ValueError as error:
            raise UsageError(str(error)) from None


def _given(line: _Line) -> Mapping[str, Any]:
    values: dict[str, Any] = {
        "priority": line.priority,
        "delay": line_span(line.in_),
        "at": _moment(line.at),
        "retries": line.retries,
        "timeout": line_span(line.timeout),
        "unique": line.unique,
        "unique_for": line_span(line.unique_for),
        "throttle": line_span(line.throttle),
        "debounce": line_span(line.debounce),
        "debounce_max": line_span(line.debounce_max),
        "replace": line.replace,
        "concurrency_key": line.concurrency_key,
        "keep": line_span(line.keep),
        "group": line.group,
        "then": None if bytes(line.then) == b"null" else links_of(bytes(line.then)),
        "tenant": line.tenant,
    }
    given = {name: value for name, value in values.items() if value is not None}
    # a line's own time replaces the one of the command line, whichever way it is written
    if "delay" in given and "at" not in given:
        given["at"] = None
    if "at" in given and given["at"] is not None and "delay" not in given:
        given["delay"] = None
    return given


def _moment(value: str | None) -> datetime | None:
    return None if value is None else parse_time(value)


def _reason(line: bytes, error: Exception) -> str:
    text = str(error)
    if "unknown field" not in text:
        return f"not a job ({text})"
    # msgspec: Object contains unknown field `prioritty`
    wrong = text.split("`")[1] if "`" in text else ""
    near = get_close_matches(wrong, KEYS, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(KEYS)}"
    return f"unknown key {clean(wrong)!r}{meant}"
