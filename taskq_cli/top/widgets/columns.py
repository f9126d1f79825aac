"""The columns of a list: what each shows, how wide, and which give way in a narrow window. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.cells import cell_len, set_cell_size

from taskq_cli.sanitize import clean

GAP: Final = 1
Cell = tuple[str, str]
"""Text and its look."""


@dataclass(frozen=True, slots=True)
class Column:
    """``cell`` draws a row's value, ``sort`` is what rows are ordered by; ``rank`` 0 stays longest.

    A ``flexible`` column takes what is left, ``width`` is its least. One with ``only_where`` is shown
    where that holds of a row.
    """

    name: str
    title: str
    width: int
    cell: Callable[[Any], Cell]
    sort: Callable[[Any], Any]
    rank: int = 0
    right: bool = True
    flexible: bool = False
    descending: bool = True
    only_where: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that fit, and how wide each is."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """As many columns as fit in so many cells, those of high rank left out first."""
    chosen = list(columns)
    while len(chosen) > 1 and _least(chosen) > width:
        worst = max(range(len(chosen)), key=lambda at: (chosen[at].rank, at))
        del chosen[worst]
    spare = max(0, width - _least(chosen))
    flexible = [column for column in chosen if column.flexible]
    widths = []
    for column in chosen:
        extra = 0
        if column.flexible:
            extra = spare // len(flexible) + (spare % len(flexible) if column is flexible[-1] else 0)
        widths.append(column.width + extra)
    return Layout(tuple(chosen), tuple(widths))


def _least(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def telling(columns: Sequence[Column], rows: Sequence[Any]) -> list[Column]:
    """Those that have something to tell of these rows."""
    return [column for column in columns if column.only_where is None or any(map(column.only_where, rows))]


def titled(column: Column, sign: str, width: int) -> str:
    """The title and behind it the sign of its order, which is never cut off."""
    title = set_cell_size(column.title, min(cell_len(column.title), max(0, width - cell_len(sign))))
    return fitted(title + sign, width, right=column.right)


def fitted(text: str, width: int, *, right: bool, cut: str = "…") -> str:
    """Safe text in exactly so many cells."""
    safe = clean(text, 4 * width + 4)
    length = cell_len(safe)
    if length > width:
        return set_cell_size(safe, max(0, width - 1)) + cut[:1] if width else ""
    padding = " " * (width - length)
    return padding + safe if right else safe + padding
