"""Records of what jobs say of themselves: what `taskq logs` prints, and what `inspect` and `tail` add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.sanitize import clean
from taskq_cli.views import Record, View
from taskq_core import JobNotes, JobRef, LogLine

MAX_LINE: Final = 2 * 1024
"""Characters of a line of a log: as many as are kept."""


def _line(record: Record) -> str:
    return log_line(str(record["at"]), record["attempt"], record["text"])


LOG: Final = View(
    schema="taskq.log/1",
    fields=("schema", "id", "queue", "number", "at", "attempt", "text"),
    columns=("at", "attempt", "text"),
    line=_line,
    stream=True,
)
NOTES_FIELDS: Final = ("progress", "progress_note", "progress_attempt", "progress_at", "log", "log_skipped")


def log_line(at: str, attempt: int, text: str) -> str:
    """A line as people read it: the time of day (UTC), the attempt, the text."""
    return f"{at[11:19]} #{attempt}  {clean(text, MAX_LINE)}"


def log_record(ref: JobRef, line: LogLine) -> dict[str, Any]:
    """A line as a record of `LOG`."""
    return {"schema": LOG.schema, "id": str(ref), "queue": ref.queue, **line_record(line)}


def line_record(line: LogLine) -> dict[str, Any]:
    """A line as it stands in a record."""
    return {"number": line.number, "at": rfc3339(line.at), "attempt": line.attempt, "text": line.text}


def notes_record(notes: JobNotes | None) -> dict[str, Any]:
    """What a job said, as the fields that `taskq inspect` adds; null where it said nothing."""
    if notes is None:
        return dict.fromkeys(NOTES_FIELDS)
    told = notes.progress is not None
    return {
        "progress": notes.progress,
        "progress_note": notes.note if told else None,
        "progress_attempt": notes.attempt if told else None,
        "progress_at": rfc3339(notes.at),
        "log": [line_record(line) for line in notes.lines],
        "log_skipped": notes.skipped,
    }


def progress_words(notes: JobNotes) -> str:
    """How far a job is: `40 % half of the pages`; empty where it told nothing."""
    if notes.progress is None:
        return ""
    return f"{percent(notes.progress)} {notes.note}".rstrip()


def percent(fraction: float) -> str:
    """A progress in percent; 100 % only when it is all."""
    return f"{min(int(fraction * 100 + 1e-9), 99) if fraction < 1 else 100} %"


def told_lines(lines: Sequence[Record]) -> list[str]:
    """The lines in a record, as people read them."""
    return [log_line(str(line["at"]), line["attempt"], line["text"]) for line in lines]
