"""In which order rows stand, and which of them: up to three columns, and a filter. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from taskq_cli.top.format import Pen
from taskq_cli.top.widgets.columns import Column

MOST_KEYS: Final = 3


class Ordering:
    """The columns that rows are sorted by, the first one first; without any they stay as they come."""

    def __init__(self, columns: Sequence[Column], by: Sequence[str] = ()) -> None:
        self._columns = {column.name: column for column in columns}
        self.keys: list[tuple[str, bool]] = [(name, self._columns[name].descending) for name in by]

    def sorted(self, rows: Sequence[Any]) -> list[Any]:
        """The rows in order. What has no value comes last."""
        ordered = list(rows)
        for name, descending in reversed(self.keys):
            value = self._columns[name].sort
            present = [row for row in ordered if value(row) is not None]
            absent = [row for row in ordered if value(row) is None]
            ordered = [*sorted(present, key=value, reverse=descending), *absent]
        return ordered

    def by(self, name: str, *, further: bool = False) -> None:
        """Sorts by this column, ``further`` within the present order; the first one again turns it round."""
        if self.keys and self.keys[0][0] == name and not further:
            self.invert()
        elif further and self.keys:
            rest = [key for key in self.keys if key[0] != name][: MOST_KEYS - 1]
            self.keys = [*rest, (name, self._columns[name].descending)]
        else:
            self.keys = [(name, self._columns[name].descending)]

    def next(self, names: Sequence[str], *, further: bool = False) -> str:
        """Sorts by the column after the first one, or further by that after the last. Returns its name."""
        last = self.keys[-1 if further else 0][0] if self.keys else ""
        at = (list(names).index(last) + 1) % len(names) if last in names else 0
        self.by(names[at], further=further)
        return names[at]

    def invert(self) -> None:
        """Turns the first column's order round."""
        if self.keys:
            name, descending = self.keys[0]
            self.keys[0] = (name, not descending)

    def sign(self, name: str, pen: Pen) -> str:
        """What stands behind the title of a column: its direction, and its place where there are several."""
        for place, (key, descending) in enumerate(self.keys, 1):
            if key == name:
                arrow = pen.glyph("down" if descending else "up")
                return arrow + (str(place) if len(self.keys) > 1 else "")
        return ""


def matcher(text: str, columns: Sequence[Column]) -> Callable[[Any], bool]:
    """Whether a row passes: each word is in one of its cells; `column~word` asks that column alone."""
    words = text.lower().split()
    by_name = {column.name: column for column in columns}
    by_name |= {column.title.lower(): column for column in columns}

    def holds(row: Any, word: str) -> bool:
        name, sign, wanted = word.partition("~")
        if sign and name in by_name:
            return wanted in by_name[name].cell(row)[0].lower()
        return any(word in column.cell(row)[0].lower() for column in columns)

    return lambda row: all(holds(row, word) for word in words)
