"""What a running job says of itself: how far it is, and lines of a log. As values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log. ``number`` counts from 1 over all attempts; ``at`` is UTC."""

    number: int
    attempt: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class JobNotes:
    """What a job has said: the progress of its latest attempt that told one, and its last lines.

    ``progress``: from 0 to 1, None when none was told. ``attempt``: the one it was told in, from 1.
    ``at``: when. ``skipped``: earlier lines that are not kept any more.
    """

    progress: float | None = None
    note: str = ""
    attempt: int = 1
    at: datetime | None = None
    lines: tuple[LogLine, ...] = ()
    skipped: int = 0

    @property
    def last(self) -> int:
        """The number of the last line; 0 when there is none."""
        return self.lines[-1].number if self.lines else 0
