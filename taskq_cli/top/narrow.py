"""Sends the cells of a line that changed, and not all of the line before them.

Textual knows which cells are to be drawn, but crops a line at its end alone (`ChopsUpdate.render_segments`).
In a table that changes in a few columns at each tick that is most of what goes to the terminal, which may
be at the other end of a slow line. `ChopsUpdate` is not part of Textual's public interface: hence the upper
bound of its version in pyproject.toml.
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate


class NarrowUpdate(ChopsUpdate):
    """The same update, with each stretch of cells by itself."""

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        pieces: list[str] = []
        for y, start, end in self.spans:
            for x, strip in self.chops[y].items():
                if strip is None:
                    continue
                first, last = max(start, x), min(end, x + strip.cell_length)
                if first < last:
                    pieces.append(Control.move_to(first, y).segment.text)
                    pieces.append(strip.crop(first - x, last - x).render(console))
        return "".join(pieces)


def narrowed(update: RenderableType | None) -> RenderableType | None:
    """The update with less to send, where it is one of a few stretches."""
    if type(update) is ChopsUpdate:
        return NarrowUpdate(update.chops, update.spans, update.chop_ends)
    return update
