"""What one run of a job says of itself, as it is collected: bounded, and safe to write from any thread.

Nothing is sent from here. A worker looks for what is new and sends it for all its jobs together; a job
that was made by hand, in a test, just keeps it.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections import deque
from dataclasses import dataclass
from typing import SupportsFloat

from taskq_core import config
from taskq_core.clock import moment, wall_ms
from taskq_core.errors import InvalidOption
from taskq_core.notes import JobNotes, LogLine

_process = os.urandom(6).hex()
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it is sent: its number in this run, from 1, and when it was said, ms by this machine."""

    number: int
    at: int
    text: bytes


@dataclass(frozen=True, slots=True)
class News:
    """What a run says that was not confirmed yet. ``version``: what `Notebook.confirm` wants to hear."""

    run: str
    version: int
    progress: str
    note: bytes
    at: int
    rows: tuple[Row, ...]

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.note) + sum(len(row.text) + 16 for row in self.rows)


class Notebook:
    """The progress and the last lines of one run."""

    __slots__ = (
        "_at", "_known", "_lock", "_note", "_progress", "_rows", "_said", "_sent", "_size", "_total", "run",
    )  # fmt: skip

    def __init__(self) -> None:
        self.run = f"{_process}-{next(_runs)}"
        """Unlike that of any other run: what is sent again is known again."""
        self._lock = threading.Lock()
        self._rows: deque[Row] = deque()
        self._size = self._total = 0
        self._said = self._sent = 0  # how often something was said, and how often the server had heard of it
        self._known = 0  # the last line that the server has
        self._progress: float | None = None
        self._note = ""
        self._at = 0

    # -- writing ----------------------------------------------------------------------------

    def progress(self, fraction: SupportsFloat, note: object) -> None:
        """Takes a progress in; see `Job.progress`."""
        value = _fraction(fraction)
        if math.isnan(value):
            return
        words = _clipped(str(note), config.NOTE_BYTES).decode()
        with self._lock:
            self._progress, self._note, self._at = min(max(value, 0.0), 1.0), words, wall_ms()
            self._said += 1

    def log(self, text: object) -> None:
        """Takes lines in; see `Job.log`. The oldest go when there are too many."""
        # of a text that is too large for all there is room for, only the end can be kept
        lines = str(text)[-config.NOTES_BYTES :].removesuffix("\n").split("\n")
        now = wall_ms()
        encoded = [_clipped(line.removesuffix("\r"), config.LOG_LINE_BYTES) for line in lines]
        with self._lock:
            for line in encoded:
                self._total += 1
                self._size += len(line)
                self._rows.append(Row(self._total, now, line))
            while len(self._rows) > config.LOG_LINES or self._size > config.NOTES_BYTES:
                self._size -= len(self._rows.popleft().text)
            self._said += 1

    # -- reading ----------------------------------------------------------------------------

    def news(self, *, always: bool = False) -> News | None:
        """What the server was not told yet; None when there is nothing, unless some is wanted ``always``."""
        with self._lock:
            if self._said == self._sent and not always:
                return None
            rows = tuple(row for row in self._rows if row.number > self._known)
            progress = "" if self._progress is None else f"{self._progress:.4g}"
            return News(self.run, self._said, progress, self._note.encode(), self._at, rows)

    def confirm(self, news: News) -> None:
        """The server has it now."""
        with self._lock:
            # two may be on their way at the same time
            self._sent = max(self._sent, news.version)
            if news.rows:
                self._known = max(self._known, news.rows[-1].number)

    def notes(self, attempt: int) -> JobNotes:
        """What this run has said so far, though of many lines the last ones only."""
        with self._lock:
            lines = tuple(
                LogLine(row.number, attempt, moment(row.at), row.text.decode()) for row in self._rows
            )
            return JobNotes(
                self._progress, self._note, attempt, moment(self._at) if self._at else None, lines,
                self._total - len(lines),
            )  # fmt: skip


def _fraction(fraction: SupportsFloat) -> float:
    if not hasattr(fraction, "__float__"):
        raise InvalidOption(
            f"a progress is a number from 0 to 1, not {type(fraction).__name__}",
            hint="For example job.progress(done / total)",
        )
    try:
        return float(fraction)
    except OverflowError:  # an integer beyond all floats
        return math.inf if str(fraction)[0] != "-" else -math.inf
    except ValueError:  # a number that is none, of Decimal
        return math.nan


def _clipped(text: str, limit: int) -> bytes:
    raw = text[:limit].encode(errors="replace")
    if len(raw) <= limit and len(text) <= limit:
        return raw
    return raw[: limit - 3].decode(errors="ignore").encode() + "…".encode()
