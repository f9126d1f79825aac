"""Lines of styled text, drawn one by one: what did not change is not sent to the terminal again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from taskq_cli.sanitize import clean
from taskq_cli.top.widgets.changed import changed
from taskq_cli.top.widgets.styles import CSS, Looks

Span = tuple[str, str]
"""Text and the name of its look, "" for plain."""
Line = tuple[Span, ...]


class Lines(Looks, ScrollView):
    """Lines that scroll. Text is made safe here, whatever it is."""

    DEFAULT_CSS = f"Lines {{ height: 1fr; background: transparent; overflow: hidden auto; {CSS} }}"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: tuple[Line, ...] = ()
        self._drawn: dict[int, Line] = {}
        self.dimmed = False

    def show(self, lines: Sequence[Line]) -> None:
        """Puts these lines in the place of those before; only the different ones are drawn."""
        before, self.lines = self.lines, tuple(lines)
        if len(before) != len(self.lines):
            self.virtual_size = Size(self.size.width, len(self.lines))
        for y in range(self.size.height):
            # compared with what was drawn, not with what was shown: while hidden, nothing is drawn
            for x, cells in changed(self._drawn.get(y), self._at(y), self.size.width):
                self.refresh(Region(x, y, cells, 1))

    def _at(self, y: int) -> Line:
        row = y + self.scroll_offset.y
        return self.lines[row] if row < len(self.lines) else ()

    def dim(self, dimmed: bool) -> None:
        """Draws all in grey: what is shown is no longer true."""
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        line = self._drawn[y] = self._at(y)
        return self.strip(line)

    def strip(self, line: Line) -> Strip:
        """A line, as wide as the widget."""
        width, used, segments = self.size.width, 0, list[Segment]()
        for text, look in line:
            safe = clean(text, 4 * width + 4) if text else ""
            segments.append(Segment(safe, self.style_of("stale" if self.dimmed else look)))
            used += cell_len(safe)
        return Strip(segments, used).simplify().adjust_cell_length(width, self.style_of(""))

    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(clean(text, 1_000) for text, _ in line).rstrip() for line in self.lines)
