"""A list with a cursor, marks, sorting and a filter: the one widget of all long lists.

The first line is the heading and stays; below it the window scrolls with the cursor, which keeps to its
row by key when the order changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from taskq_cli.top.format import Pen
from taskq_cli.top.widgets.changed import Spans, changed
from taskq_cli.top.widgets.columns import GAP, Column, Layout, fitted, lay_out, titled
from taskq_cli.top.widgets.ordering import Ordering, matcher
from taskq_cli.top.widgets.styles import CSS, Looks

GUTTER: Final = 2
"""Cells at the left for the cursor and the mark."""


class Rows(Looks, can_focus=True):
    """Rows of any kind. ``key`` tells rows apart; ``words`` is what the filter searches."""

    DEFAULT_CSS = f"Rows {{ height: 1fr; {CSS} }}"

    class Opened(Message):
        """A row was chosen with the mouse a second time."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        key: Callable[[Any], Hashable],
        pen: Pen,
        order: Ordering | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.order = order or Ordering(self.columns)
        self.filter = ""
        self.marked: set[Hashable] = set()
        self.dimmed = False
        self.active = True
        self.empty = ""
        self._key = key
        self._pen = pen
        self._all: Sequence[Any] = ()
        self._rows: list[Any] = []
        self._cursor = 0
        self._sought: Hashable | None = None
        self._top = 0
        self._layout: Layout = lay_out(self.columns, 80)
        self._drawn: dict[int, Spans] = {}

    # -- content ------------------------------------------------------------------------------

    def show(self, rows: Sequence[Any]) -> None:
        """Puts these rows in the place of those before; draws the lines that are different."""
        self._all = rows
        self._arrange()

    def _arrange(self) -> None:
        at = self._key(self._rows[self._cursor]) if self._rows else None
        if self._sought is not None:
            at, self._sought = self._sought, None
        accepts = self.accepting()
        self._rows = self.order.sorted([row for row in self._all if accepts(row)])
        if at is not None:
            place = next((n for n, row in enumerate(self._rows) if self._key(row) == at), self._cursor)
            self._cursor = place
        keys = {self._key(row) for row in self._all}
        self.marked &= keys
        self._settle()

    def accepting(self) -> Callable[[Any], bool]:
        """Whether a row passes the filter."""
        return matcher(self.filter, self.columns)

    def tell_of(self, columns: Sequence[Column]) -> None:
        """Shows these columns; the order is kept."""
        if tuple(columns) == self.columns:
            return
        self.columns = tuple(columns)
        self._layout = lay_out(self.columns, max(1, self.size.width - GUTTER))
        self._drawn.clear()
        self.refresh()

    def rearrange(self) -> None:
        """After the filter or the order was changed."""
        self._arrange()
        self.refresh()

    @property
    def shown(self) -> Sequence[Any]:
        """The rows that pass the filter, in their order."""
        return self._rows

    @property
    def total(self) -> int:
        """How many rows there are without the filter."""
        return len(self._all)

    @property
    def current(self) -> Any | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def chosen(self) -> list[Any]:
        """The marked rows, or else the one under the cursor."""
        marked = [row for row in self._rows if self._key(row) in self.marked]
        return marked or ([self._rows[self._cursor]] if self._rows else [])

    # -- moving -------------------------------------------------------------------------------

    def move(self, steps: int) -> None:
        """The cursor so many rows down."""
        self._cursor += steps
        self._settle()

    def page(self, pages: int) -> None:
        """The cursor so many windows down."""
        self.move(pages * max(1, self._window - 1))

    def edge(self, side: int) -> None:
        """The cursor to the last row, or with -1 to the first."""
        self._cursor = len(self._rows) - 1 if side > 0 else 0
        self._settle()

    def go_to(self, key: Hashable) -> None:
        """The cursor to the row of a key; when it is not there yet, once it is among those that come next."""
        found = next((n for n, row in enumerate(self._rows) if self._key(row) == key), None)
        self._sought = key if found is None else None
        self._cursor = self._cursor if found is None else found
        self._settle()

    @property
    def window(self) -> Sequence[Any]:
        """The rows that are on screen."""
        return self._rows[self._top : self._top + self._window]

    def mark(self) -> None:
        """Marks the row under the cursor or takes its mark away, and goes on to the next."""
        if self._rows:
            self.marked ^= {self._key(self._rows[self._cursor])}
            self.move(1)

    def mark_all(self) -> None:
        """Marks all rows that are shown; when all are, takes the marks away."""
        keys = {self._key(row) for row in self._rows}
        self.marked = set() if keys <= self.marked else self.marked | keys
        self._settle()

    @property
    def _window(self) -> int:
        return max(1, self.size.height - 1)

    def _settle(self) -> None:
        self._cursor = max(0, min(self._cursor, len(self._rows) - 1))
        self._top = max(0, min(self._top, len(self._rows) - self._window))
        if self._cursor < self._top:
            self._top = self._cursor
        elif self._cursor >= self._top + self._window:
            self._top = self._cursor - self._window + 1
        self._redraw()

    # -- drawing ------------------------------------------------------------------------------

    def activate(self, active: bool) -> None:
        """Whether keys move in this list; where there are two, only that one shows its cursor."""
        if active != self.active:
            self.active = active
            self._redraw()

    def dim(self, dimmed: bool) -> None:
        """Draws all in grey: what is shown is no longer true."""
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Finds the columns that fit now."""
        self._layout = lay_out(self.columns, max(1, event.size.width - GUTTER))
        self._drawn.clear()
        self._settle()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are rows, and the heading."""
        return len(self._rows) + 1

    def _redraw(self) -> None:
        for y in range(self.size.height):
            for x, cells in changed(self._drawn.get(y), self._content(y), self.size.width):
                self.refresh(Region(x, y, cells, 1))

    def _content(self, y: int) -> tuple[tuple[str, str], ...]:
        if y == 0:
            return self._heading()
        row = self._top + y - 1
        if row >= len(self._rows):
            return ((f"  {self.empty}", "dim"),) if y == 1 and not self._rows else ()
        return self._row(row)

    def _heading(self) -> tuple[tuple[str, str], ...]:
        spans = [(" " * GUTTER, "head")]
        for column, width in zip(self._layout.columns, self._layout.widths, strict=True):
            sign = self.order.sign(column.name, self._pen)
            spans.append((titled(column, sign, width), "head"))
            spans.append((" " * GAP, "head"))
        return tuple(spans)

    def _row(self, index: int) -> tuple[tuple[str, str], ...]:
        row = self._rows[index]
        here = index == self._cursor and self.active
        marked = self._key(row) in self.marked
        spans = [
            (self._pen.glyph("cursor")[0] if here else " ", "cursor" if here else ""),
            (self._pen.glyph("marked")[0], "marked") if marked else (" ", ""),
        ]
        for column, width in zip(self._layout.columns, self._layout.widths, strict=True):
            text, look = column.cell(row)
            cut = self._pen.glyph("cut")
            spans.append((fitted(text, width, right=column.right, cut=cut), "cursor" if here else look))
            # of a blank only the ground is seen: with its neighbour's look the two are sent as one
            spans.append((" " * GAP, "cursor" if here else look))
        return tuple(spans)

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        content = self._content(y)
        self._drawn[y] = content
        used, segments = 0, list[Segment]()
        for text, look in content:
            segments.append(
                Segment(text, self.style_of("stale" if self.dimmed and look != "cursor" else look))
            )
        strip = Strip(segments).simplify()
        used = strip.cell_length
        return (
            strip.adjust_cell_length(self.size.width, self.style_of("")) if used != self.size.width else strip
        )

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the mouse; a click on the cursor's row opens it, on a heading sorts by it."""
        if event.y == 0:
            self.order.by(self._column_at(event.x))
            self.rearrange()
            return
        row = self._top + event.y - 1
        if row < len(self._rows):
            if row == self._cursor:
                self.post_message(self.Opened(self))
            self._cursor = row
            self._settle()

    def _column_at(self, x: int) -> str:
        right = GUTTER
        for column, width in zip(self._layout.columns, self._layout.widths, strict=True):
            right += width + GAP
            if x < right:
                return column.name
        return self._layout.columns[-1].name

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        self.move(-3)

    def text(self) -> str:
        """Heading and all rows as plain text."""
        lines = [self._heading(), *(self._row(n) for n in range(len(self._rows)))]
        return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
