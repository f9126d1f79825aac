from __future__ import annotations

import re

from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from taskq_cli.top.narrow import NarrowUpdate, narrowed

CONSOLE = Console(force_terminal=True, width=80)


def strip(text: str) -> Strip:
    return Strip([Segment(text)])


def drawn(update: ChopsUpdate, screen: list[str]) -> list[str]:
    """The screen after the update was written to it."""
    lines = [list(line) for line in screen]
    written = update.render_segments(CONSOLE)
    for row, column, text in re.findall(r"\x1b\[(\d+);(\d+)H([^\x1b]*)", written):
        y, x = int(row) - 1, int(column) - 1
        lines[y][x : x + len(text)] = text
    return ["".join(line) for line in lines]


def test_only_the_cells_of_a_stretch_are_written() -> None:
    chops = [{0: strip("emails 12"), 9: strip("......")}, {0: strip("feeds   3"), 9: strip("......")}]
    spans = [(0, 7, 9), (1, 8, 11)]
    update = narrowed(ChopsUpdate(chops, spans, [[9, 15], [9, 15]]))

    assert isinstance(update, NarrowUpdate)
    assert update.render_segments(CONSOLE) == "\x1b[1;8H12\x1b[2;9H3\x1b[2;10H.."


def test_the_screen_is_the_same_as_with_the_whole_lines() -> None:
    chops = [{0: strip("abcdef"), 6: None, 9: strip("ghijkl")}]
    ends = [[6, 9, 15]]
    screen = ["-" * 15]
    for start in range(15):
        for end in range(start + 1, 16):
            update = NarrowUpdate(chops, [(0, start, end)], ends)
            [line] = drawn(update, screen)
            assert line[start:end] == "abcdef---ghijkl"[start:end]
            assert line[:start] + line[end:] == "-" * (15 - (end - start))


def test_other_updates_are_left_as_they_are() -> None:
    whole = LayoutUpdate([[strip("abc")]], Region(0, 0, 3, 1))
    assert narrowed(whole) is whole
    assert narrowed(None) is None
