"""Records for human eyes: tables, and one record in full. The only place that imports rich."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskq_cli.durations import format_duration
from taskq_cli.notes_views import told_lines
from taskq_cli.render import Writer, cell
from taskq_cli.sanitize import MAX_VALUE, clean_lines
from taskq_cli.views import Record, View

ROWS_A_TABLE: Final = 500
"""Rows that are held back to find the widths; then the next table begins."""
ELASTIC: Final = frozenset({"error", "payload", "settings", "totals", "ready_by_priority"})
"""Columns that give way where a terminal is narrow; the others are always shown in full."""
ELASTIC_WIDTH: Final = 12
"""What an elastic column keeps at least, even if lines then wrap."""
GAP: Final = 1
_HEADINGS: Final = {
    "enqueued_at": "AGE",
    "enqueued_per_s": "IN/S",
    "done_per_s": "OUT/S",
    "failed_per_s": "FAILED/S",
    "oldest_ready_s": "OLDEST",
    "next_due_at": "NEXT DUE",
    "wait_p99_s": "WAIT P99",
    "run_p99_s": "RUN P99",
    "wait_p50_s": "WAIT P50",
    "run_p50_s": "RUN P50",
}
_STYLES: Final = {
    "running": "cyan",
    "ready": "green",
    "scheduled": "yellow",
    "dead": "red",
    "paused": "yellow",
    "draining": "yellow",
    "stopping": "yellow",
    "stuck": "red",
    "problem": "red",
}


class TableWriter(Writer):
    """A table on stdout, as wide as the terminal; piped, as wide as its content."""

    def __init__(self, view: View, *, wide: bool) -> None:
        super().__init__(view)
        self._columns = view.wide or view.columns if wide else view.columns
        self._rows: list[list[Any]] = []

    def write(self, record: Record) -> None:
        """Keeps the row until the table is full."""
        self._rows.append([record.get(name) for name in self._columns])
        if len(self._rows) >= ROWS_A_TABLE:
            self._print()

    def flush(self) -> None:
        """Prints the rows so far as a table of their own."""
        if self._rows:
            self._print()
        super().flush()

    def _print(self) -> None:
        shown = [[_human(*pair) for pair in zip(self._columns, row, strict=True)] for row in self._rows]
        headings = [_HEADINGS.get(name, name.upper().replace("_", " ")) for name in self._columns]
        widths = [max(map(cell_len, column)) for column in zip(headings, *shown, strict=True)]
        terminal = Console().width if sys.stdout.isatty() else None
        widths = _fitted(self._columns, widths, terminal)
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, GAP, 0, 0))
        for index, heading in enumerate(headings):
            right = all(isinstance(row[index], int | float | None) for row in self._rows)
            table.add_column(
                heading,
                justify="right" if right else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=widths[index],
            )
        for row in shown:
            table.add_row(*map(_text, row))
        _console(sum(widths) + (GAP + 1) * len(widths)).print(table)
        self._rows.clear()


class UprightWriter(Writer):
    """One record in full: a field a line, then what has several lines."""

    def write(self, record: Record) -> None:
        """Prints the record."""
        told = record.get("log") or [] if "log" in self.view.columns else []
        unshown = ("log", "log_skipped") if not told else ("log",)
        names = [n for n in self.view.columns if record.get(n) is not None and n not in unshown]
        width = max(map(len, names), default=0)
        lines = [f"{name:{width}}  {cell(record[name], MAX_VALUE)}" for name in names]
        trace = _traceback(record)
        if trace:
            lines += ["traceback", *(f"  {line}" for line in clean_lines(trace).splitlines())]
        if told:
            lines += ["log", *(f"  {line}" for line in told_lines(told))]
        sys.stdout.write("\n".join(lines) + "\n\n")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would end the process with code 1
        raise BrokenPipeError


def _console(width: int) -> Console:
    return _Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width)


def _fitted(names: Sequence[str], widths: list[int], terminal: int | None) -> list[int]:
    """The widths, with those of elastic columns cut until the table fits."""
    if terminal is None:
        return widths
    excess = sum(widths) + (GAP + 1) * (len(widths) - 1) - terminal
    fitted = list(widths)
    for index in reversed(range(len(widths))):
        if names[index] in ELASTIC and excess > 0:
            fitted[index] = max(min(ELASTIC_WIDTH, widths[index]), widths[index] - excess)
            excess -= widths[index] - fitted[index]
    return fitted


def _human(name: str, value: Any) -> str:
    """A value as people read it; machines take another format."""
    if value is None:
        return ""
    if name == "enqueued_at":
        return format_duration(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(value)).total_seconds()))
    if name == "at" or name.endswith("_at"):
        return cell(value).partition(".")[0].replace("T", " ")
    if name.endswith("_s") and not name.endswith("_per_s"):
        return format_duration(value)
    return cell(value)


def _text(shown: str) -> Text:
    # Text and not str: rich reads a plain string as markup
    return Text(shown, style=_STYLES.get(shown, ""))


def _traceback(record: Record) -> str:
    error = record.get("error")
    return str(error.get("traceback", "")) if isinstance(error, Mapping) else ""
