"""What jobs said of themselves, as the server tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from taskq_core.clock import moment
from taskq_core.command import Command, text
from taskq_core.config import MAX_BATCH
from taskq_core.errors import InvalidOption
from taskq_core.keys import QueueKeys
from taskq_core.names import check_job_id
from taskq_core.notes import JobNotes, LogLine
from taskq_core.scripts import script

MOST_WITH_LINES: Final = 10
"""Jobs whose lines one call reads: they may be 64 KB each."""


def notes(keys: QueueKeys, ids: Sequence[str], after: int | None = None) -> Command[list[JobNotes | None]]:
    """What jobs said: without lines, or with those behind a number, and then of 10 jobs at most.

    Raises: InvalidName, InvalidOption.
    """
    most = MAX_BATCH if after is None else MOST_WITH_LINES
    if len(ids) > most:
        raise InvalidOption(f"{len(ids)} jobs in one call are more than {most}")
    names = [keys.notes(check_job_id(job_id)) for job_id in ids]
    wanted = "" if after is None else max(0, after)
    return Command(script("notes"), names, [wanted], lambda reply: [read_notes(row) for row in reply])


def read_notes(row: Any) -> JobNotes | None:
    """Notes as a script tells them; what is no number, as anybody may have written it, counts as none."""
    if not row:
        return None
    told, words, attempt, at, skipped, *lines = row
    said = number(at)
    return JobNotes(
        read_fraction(text(told)), text(words), number(attempt) or 1, moment(said) if said else None,
        tuple(_line(*line) for line in lines), number(skipped),
    )  # fmt: skip


def _line(index: Any, raw: Any) -> LogLine:
    attempt, _, rest = text(raw).partition(" ")
    at, _, words = rest.partition(" ")
    return LogLine(number(index), number(attempt) or 1, moment(number(at)), words)


def read_fraction(told: str) -> float | None:
    """A progress; None where it is none."""
    try:
        value = float(told)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def number(told: Any) -> int:
    """A whole number from a reply; 0 where it is none."""
    said = text(told)
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 15 else 0
