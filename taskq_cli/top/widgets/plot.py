"""Values over time as filled areas of braille dots, two by four a cell; in ASCII as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from taskq_cli.top.format import Pen

BLANK: Final = 0x2800
LEFT: Final = (0x40, 0x04, 0x02, 0x01)
RIGHT: Final = (0x80, 0x20, 0x10, 0x08)
"""Dots of a column from the bottom up."""
DOTS: Final = 4


def plot(values: Sequence[float], width: int, height: int, pen: Pen, top: float | None = None) -> list[str]:
    """Lines of text, the highest first, the latest value at the right. ``top``: the value that fills it."""
    cells = width if pen.ascii_only else 2 * width
    fitted = stretch(values, cells)
    highest = top if top is not None else max(fitted, default=0.0)
    if pen.ascii_only:
        levels = [_level(value, highest, height) for value in fitted]
        return ["".join("#" if level > row else " " for level in levels) for row in reversed(range(height))]
    levels = [_level(value, highest, height * DOTS) for value in fitted]
    pairs = list(zip(levels[::2], levels[1::2], strict=True))
    return ["".join(_cell(pair, row) for pair in pairs) for row in reversed(range(height))]


def stretch(values: Sequence[float], cells: int) -> list[float]:
    """So many values in the place of those: the largest of each stretch, so that no peak is lost."""
    if not values:
        return [0.0] * cells
    found = []
    for cell in range(cells):
        start = cell * len(values) // cells
        end = max(start + 1, (cell + 1) * len(values) // cells)
        found.append(max(values[start:end]))
    return found


def _level(value: float, highest: float, steps: int) -> int:
    if value <= 0 or highest <= 0:
        return 0
    return min(steps, max(1, round(value / highest * steps)))


def _cell(pair: tuple[int, int], row: int) -> str:
    dots = BLANK
    for level, column in zip(pair, (LEFT, RIGHT), strict=True):
        for dot in range(max(0, min(DOTS, level - row * DOTS))):
            dots |= column[dot]
    return " " if dots == BLANK else chr(dots)
