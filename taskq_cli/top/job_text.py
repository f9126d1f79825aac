"""A job as text to read: summary, error, payload, attempts; or as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
from rich.cells import chop_cells

from taskq_cli.jsontext import ascii_text, rfc3339
from taskq_cli.notes_views import notes_record, percent
from taskq_cli.sanitize import clean, clean_lines
from taskq_cli.top.format import Pen, ago, clock, span
from taskq_cli.top.screens.job_columns import LOOKS
from taskq_cli.top.widgets.lines import Line
from taskq_cli.views import job_record
from taskq_core import FailedAttempt, JobDetail, JobNotes, State

MOST_CHARS: Final = 64 * 1024
"""Of a payload or a result: beyond that `taskq inspect` shows it whole."""
MOST_LINES: Final = 20
"""Of what a job said: its payload is to be in reach."""
BAR: Final = 30
LABEL: Final = 11
INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written on: how wide it is, how characters are drawn, and the moment that ages are told of."""

    width: int
    pen: Pen
    now: datetime


def readable(job: JobDetail, attempts: Sequence[FailedAttempt], sheet: Sheet) -> list[Line]:
    """The job for people: what it is, what went wrong, what it said and was given, and what happened when."""
    now, width = sheet.now, sheet.width
    lines = [*_summary(job, now), *_progress(job.notes, sheet)]
    if job.error is not None:
        lines += _titled("Error", _error(job, width))
    if job.notes is not None and job.notes.lines:
        lines += _titled("What it said", _log(job, job.notes, width))
    lines += _titled("Payload", _block(job.payload, width))
    if job.result is not None:
        lines += _titled("Result", _block(job.result, width))
    return lines + _titled("What happened", _timeline(job, attempts, now))


def raw(job: JobDetail, width: int) -> list[Line]:
    """The job as `taskq inspect -o json` prints it."""
    record = job_record(job) | notes_record(job.notes)
    text = ascii_text(msgspec.json.encode(record).decode(errors="replace"))
    return list(_block(text.encode(), width, 0))


def pretty(value: bytes) -> str:
    """Stored JSON with line breaks; as it is when it is no JSON; cut when it is very long."""
    try:
        msgspec.json.decode(value)
        text = msgspec.json.format(value, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = value.decode(errors="replace")
    if len(text) <= MOST_CHARS:
        return text
    return f"{text[:MOST_CHARS]}\n… {len(value):,} bytes in all: taskq inspect shows them"


def _summary(job: JobDetail, now: datetime) -> Iterator[Line]:
    yield (
        (str(job.ref), "strong"), ("  ", ""), (f" {job.state} ", LOOKS.get(job.state, "")),
        (f"  {job.task}", "accent"), (f"  {_attempts(job)}", "warn" if job.attempts > 1 else ""),
    )  # fmt: skip
    facts = (
        ("level", str(job.priority)),
        ("enqueued", _moment(job.enqueued_at, now)),
        ("due", _due(job, now)),
        ("died", _moment(job.died_at, now)),
        ("worker", job.worker or ""),
        ("handed out", f"{job.deliveries} times" if job.deliveries > 1 else ""),
        ("retries", "" if job.retries is None else str(job.retries)),
        ("time limit", span(job.timeout.total_seconds()) if job.timeout else ""),
        ("tenant", job.ref.tenant or ""),
        ("unique", job.unique or ""),
        ("limited by", f"key {job.concurrency_key}" if job.concurrency_key else ""),
        ("throttled", f"for {span(job.throttle.total_seconds())}" if job.throttle else ""),
        ("debounced", f"by {span(job.debounce.total_seconds())}" if job.debounce else ""),
        ("kept", f"for {span(job.keep.total_seconds())}" if job.keep else ""),
        ("group", job.group or ""),
        ("after", str(job.after or "")),
        ("then", ", ".join(job.then)),
        ("callback of", job.completes or ""),
        ("cause", job.error.fingerprint if job.error else ""),
    )
    for name, value in facts:
        if value:
            yield ((f"  {name:<{LABEL}}", "dim"), (value, ""))


def _attempts(job: JobDetail) -> str:
    if not job.attempts:
        return "not tried yet"
    of = "" if job.retries is None else f" of {job.retries + 1}"
    return f"attempt {job.attempts}{of}"


def _moment(at: datetime | None, now: datetime) -> str:
    return "" if at is None else f"{rfc3339(at)}  {ago(at, now)} ago"


def _due(job: JobDetail, now: datetime) -> str:
    if job.due_at is None:
        return ""
    left = (job.due_at - now).total_seconds()
    told = f"in {span(left)}" if left >= 0 else f"{span(-left)} late"
    return f"{rfc3339(job.due_at)}  {told}"


def _progress(notes: JobNotes | None, sheet: Sheet) -> Iterator[Line]:
    if notes is None or notes.progress is None:
        return
    told = f"attempt {notes.attempt}, {ago(notes.at, sheet.now)} ago"
    yield (
        (f"  {'progress':<{LABEL}}", "dim"), (sheet.pen.bar(notes.progress, BAR), "good"),
        (f" {percent(notes.progress)} ", "strong"), (notes.note, ""), (f"  {told}", "dim"),
    )  # fmt: skip


def _log(job: JobDetail, notes: JobNotes, width: int) -> Iterator[Line]:
    earlier = notes.skipped + len(notes.lines) - MOST_LINES
    if earlier > 0:
        more = f": taskq logs {job.ref}" if len(notes.lines) > MOST_LINES else ""
        yield ((f"  {earlier:,} earlier lines{more}", "dim"),)
    for line in notes.lines[-MOST_LINES:]:
        head = f"  {clock(line.at)} #{line.attempt}  "
        first, *rest = _wrapped(line.text, width - len(head), 0)
        yield ((head, "dim"), (first, ""))
        for part in rest:
            yield ((" " * len(head), ""), (part, ""))


def _error(job: JobDetail, width: int) -> Iterator[Line]:
    error = job.error
    assert error is not None  # noqa: S101 - asked only for jobs that failed
    for line in _wrapped(f"{error.type}: {error.message}", width, INDENT):
        yield ((line, "bad" if job.state is State.DEAD else "warn"),)
    for line in clean_lines(error.traceback, MOST_CHARS).split("\n") if error.traceback else ():
        for part in _wrapped(line, width, INDENT):
            yield ((part, "dim"),)


def _timeline(job: JobDetail, attempts: Sequence[FailedAttempt], now: datetime) -> Iterator[Line]:
    yield _event(job.enqueued_at, now, "enqueued")
    for attempt in sorted(attempts, key=lambda each: each.at):
        text = f"attempt {attempt.attempt} failed: {attempt.type}: {attempt.message}"
        yield _event(attempt.at, now, text, "bad" if attempt.buried else "warn")
    known = {attempt.attempt for attempt in attempts}
    ended = known | ({job.attempts} if job.died_at is not None or job.state is State.RUNNING else set())
    if missing := max(0, job.attempts - len(ended)):
        yield ((f"  {missing} earlier failed: no longer among the latest failures that are kept", "dim"),)
    if job.died_at is not None:
        yield _event(job.died_at, now, f"died in attempt {job.attempts}: no further one", "bad")
    elif job.due_at is not None:
        yield _event(job.due_at, now, "next attempt" if job.attempts else "due")


def _event(at: datetime, now: datetime, text: str, look: str = "") -> Line:
    return ((f"  {clock(at)}  {_distance(at, now):>10}  ", "dim"), (text, look))


def _distance(at: datetime, now: datetime) -> str:
    return f"in {span((at - now).total_seconds())}" if at > now else f"{ago(at, now)} ago"


def _titled(title: str, lines: Iterable[Line]) -> list[Line]:
    return [(), ((title, "head"),), *lines]


@lru_cache(maxsize=8)
def _block(value: bytes, width: int, indent: int = INDENT) -> tuple[Line, ...]:
    # remembered: the same payload is shown at every tick
    parts = (part for line in pretty(value).split("\n") for part in _wrapped(line, width, indent))
    return tuple(((part, ""),) for part in parts)


def _wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    """Safe text in as many lines as it needs."""
    safe = clean(text, MOST_CHARS)
    for part in chop_cells(safe, max(10, width - indent)) or [""]:
        yield " " * indent + part
