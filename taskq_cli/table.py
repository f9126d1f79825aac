"""Records for human eyes: tables, and one record in full. The only place that imports rich."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskq_cli.render import Writer, cell
from taskq_cli.sanitize import MAX_VALUE, clean_lines
from taskq_cli.views import Record, View

ROWS_A_TABLE: Final = 500
"""Rows that are held back to find the widths; then the next table begins."""
_UNBOUNDED: Final = 10_000
"""Columns of a table that is piped: as wide as its content asks for."""
_STYLES: Final = {
    "running": "cyan",
    "ready": "green",
    "scheduled": "yellow",
    "dead": "red",
    "paused": "yellow",
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
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for index, name in enumerate(self._columns):
            numbers = all(isinstance(row[index], int | float | None) for row in self._rows)
            first = index == 0
            table.add_column(
                name.upper().replace("_", " "),
                justify="right" if numbers else "left",
                no_wrap=True,
                overflow="ellipsis",
                min_width=len(cell(self._rows[0][index])) if first else None,
            )
        for row in self._rows:
            table.add_row(*(_text(value) for value in row))
        _console().print(table)
        self._rows.clear()


class UprightWriter(Writer):
    """One record in full: a field a line, then what has several lines."""

    def write(self, record: Record) -> None:
        """Prints the record."""
        names = [name for name in self.view.columns if record.get(name) is not None]
        width = max(map(len, names), default=0)
        lines = [f"{name:{width}}  {cell(record[name], MAX_VALUE)}" for name in names]
        trace = _traceback(record)
        if trace:
            lines += ["traceback", *(f"  {line}" for line in clean_lines(trace).splitlines())]
        sys.stdout.write("\n".join(lines) + "\n\n")


def _text(value: Any) -> Text:
    # Text and not str: rich reads a plain string as markup
    shown = cell(value)
    return Text(shown, style=_STYLES.get(shown, ""))


def _traceback(record: Record) -> str:
    error = record.get("error")
    return str(error.get("traceback", "")) if isinstance(error, Mapping) else ""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would end the process with code 1
        raise BrokenPipeError


def _console() -> Console:
    width = None if sys.stdout.isatty() else _UNBOUNDED
    return _Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width)
