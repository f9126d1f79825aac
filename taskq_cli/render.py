"""Records on stdout, in the format that was asked for: the one place that prints data."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import typer

from taskq_cli.jsontext import ascii_json, ascii_text
from taskq_cli.options import Shared
from taskq_cli.sanitize import MAX_CELL, MAX_VALUE, clean
from taskq_cli.views import Record, View
from taskq_core import UsageError

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Writer(ABC):
    """Takes records one by one; `close` prints what was held back."""

    def __init__(self, view: View) -> None:
        self.view = view

    @abstractmethod
    def write(self, record: Record) -> None:
        """Prints a record, or keeps it for the table."""

    def flush(self) -> None:
        """Prints what is held back so far."""
        sys.stdout.flush()

    def close(self, *, failed: bool = False) -> None:
        """Prints the rest; nothing may be written afterwards. ``failed``: an error ends the command."""
        self.flush()


def open_writer(view: View, shared: Shared, chosen: str | None) -> Writer:
    """The writer for a view. ``chosen``: the format of flag, environment or configuration.

    A bare `--json` lists the fields and ends the command. Raises: UsageError for unknown fields.
    """
    if shared.json is not None:
        return _json_writer(view, shared)
    if chosen is None and view.line is not None:
        return LineWriter(view)
    return _writer(view, chosen or _default(view))


def _default(view: View) -> str:
    if sys.stdout.isatty():
        return "table"
    return "ndjson" if view.stream else "tsv"


def _json_writer(view: View, shared: Shared) -> Writer:
    fields = tuple(name.strip() for name in (shared.json or "").split(",") if name.strip())
    if not fields:
        sys.stdout.write("".join(f"{name}\n" for name in view.fields))
        raise typer.Exit
    unknown = [name for name in fields if name not in view.fields]
    if unknown:
        raise UsageError(f"no field {clean(unknown[0])!r}", hint=f"Fields: {', '.join(view.fields)}")
    return _writer(_picked(view, fields), shared.output or "json", fields)


def _picked(view: View, fields: tuple[str, ...]) -> View:
    return View(
        schema=view.schema, fields=fields, columns=fields, wide=fields, key=view.key, upright=view.upright
    )


def _writer(view: View, format_: str, fields: tuple[str, ...] | None = None) -> Writer:
    if format_ in ("table", "wide"):
        from taskq_cli.table import TableWriter, UprightWriter

        return UprightWriter(view) if view.upright else TableWriter(view, wide=format_ == "wide")
    if format_ in ("tsv", "csv"):
        return SeparatedWriter(view, comma=format_ == "csv")
    if format_ == "name":
        return NameWriter(view)
    return JsonWriter(view, fields, array=format_ == "json")


class LineWriter(Writer):
    """One line a record, as the view words it."""

    def write(self, record: Record) -> None:
        """Prints the line."""
        assert self.view.line is not None  # noqa: S101 - open_writer chose this writer for it
        sys.stdout.write(f"{self.view.line(record)}\n")


class NameWriter(Writer):
    """The reference or name of each record, to be read by another command."""

    def write(self, record: Record) -> None:
        """Prints the name."""
        sys.stdout.write(f"{clean(str(record[self.view.key]))}\n")


class JsonWriter(Writer):
    """JSON records: one a line, or all in one array with one a line."""

    def __init__(self, view: View, fields: tuple[str, ...] | None, *, array: bool) -> None:
        super().__init__(view)
        self._fields = fields
        self._array = array
        self._started = False

    def write(self, record: Record) -> None:
        """Prints the record, or those of its fields that were asked for."""
        shown = record if self._fields is None else {name: record.get(name) for name in self._fields}
        text = ascii_json(shown)
        if self._array:
            sys.stdout.write(f",\n{text}" if self._started else f"[{text}")
        else:
            sys.stdout.write(f"{text}\n")
        self._started = True

    def close(self, *, failed: bool = False) -> None:
        """Ends the array; where nothing was found out, none is printed that would say there is nothing."""
        if self._array and (self._started or not failed):
            sys.stdout.write("]\n" if self._started else "[]\n")
        super().close(failed=failed)


class SeparatedWriter(Writer):
    """TSV without a header, for cut and awk; CSV with one, for spreadsheets."""

    def __init__(self, view: View, *, comma: bool) -> None:
        super().__init__(view)
        self._comma = comma
        if comma:
            self._print(self.view.columns)

    def write(self, record: Record) -> None:
        """Prints the columns of the record."""
        values = [record.get(name) for name in self.view.columns]
        cells = [cell(value, MAX_VALUE) for value in values]
        if self._comma:
            cells = [_inert(text, value) for text, value in zip(cells, values, strict=True)]
        self._print(cells)

    def _print(self, cells: Sequence[str]) -> None:
        if not self._comma:
            sys.stdout.write("\t".join(cells) + "\n")
            return
        import csv  # here: other formats need neither
        import io

        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(cells)
        sys.stdout.write(buffer.getvalue())


def _inert(text: str, value: Any) -> str:
    """The text as a spreadsheet shows it: one that begins like a formula would be carried out."""
    formula = text.startswith(_FORMULA) and not isinstance(value, int | float | msgspec.Raw)
    return f"'{text}" if formula else text


def cell(value: Any, limit: int = MAX_CELL) -> str:
    """A value as text on one line, safe for a terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, msgspec.Raw):
        return clean(ascii_text(bytes(value).decode(errors="replace")), limit)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return clean(",".join(value), limit)  # names, as in `-q A,B`
    if isinstance(value, dict) and {"type", "message"} <= value.keys():  # an error: its first words
        return clean(f"{value['type']}: {value['message']}", limit)
    return clean(ascii_json(value) if isinstance(value, (dict, list)) else str(value), limit)
