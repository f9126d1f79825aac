"""The last step before a terminal that knows ASCII alone: nothing else gets past it, wherever it is from."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

TWINS: Final = str.maketrans(
    dict.fromkeys("─━═▔▁╌┄", "-")
    | dict.fromkeys("│┃║▏▎▊▌▐▕╎", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝▖▗▘▝", "+")
    | dict.fromkeys("█▇▆▅▄▃▂▀■", "#")
    | {"⏎": "^", "▸": ">", "▶": ">", "▼": "v", "▲": "^", "●": "*", "○": "o", "…": "~", "\xa0": " "}
)


class AsciiOnly(LineFilter):
    """Draws signs by their ASCII twins, and every other character by as many `?` as it is wide."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line in ASCII, as wide as before."""
        return [
            segment
            if segment.text.isascii()
            else Segment(plain(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def plain(text: str) -> str:
    """The text in ASCII, as wide as before."""
    turned = text.translate(TWINS)
    if turned.isascii():
        return turned
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in turned)
