"""Which cells of a line are different from what is drawn there: only those are sent to the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

Spans = Sequence[tuple[str, str]]
NEAR: Final = 12
"""Runs of cells so near to each other are sent as one: each costs about as many bytes by itself."""


def changed(old: Spans | None, new: Spans, width: int) -> list[tuple[int, int]]:
    """Runs of cells to be drawn, each as its first cell and how many; all where that cannot be told."""
    if old == new:
        return []
    if old is None:
        return [(0, width)]
    before, after = _cells(old), _cells(new)
    if before is None or after is None:
        return [(0, width)]
    blank = (" ", "")
    size = max(len(before), len(after))
    before += [blank] * (size - len(before))
    after += [blank] * (size - len(after))
    runs: list[list[int]] = []
    for at in range(min(size, width)):
        if before[at] != after[at]:
            if runs and at - runs[-1][1] <= NEAR:
                runs[-1][1] = at + 1
            else:
                runs.append([at, at + 1])
    return [(start, end - start) for start, end in runs]


def _cells(spans: Spans) -> list[tuple[str, str]] | None:
    """Character and look of each cell; None where characters are not one cell wide."""
    found: list[tuple[str, str]] = []
    for text, look in spans:
        if not text.isascii() and cell_len(text) != len(text):
            return None
        found += [(char, look) for char in text]
    return found
