"""The line at the bottom: the keys of the screen, as many as fit, and for a moment what was just done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from taskq_cli.top.keymap import KEYMAP, Key, shown_key
from taskq_cli.top.widgets.lines import Lines, Span

GAP: Final = 2
ALWAYS: Final = ("help", "open", "quit")


class Footer(Lines):
    """One line of hints, or a message."""

    DEFAULT_CSS = "Footer { height: 1; dock: bottom; }"

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._hints: tuple[Key, ...] = ()
        self._message: Span | None = None

    def hint(self, keys: Sequence[Key]) -> None:
        """Shows these keys with their labels."""
        self._hints = tuple(key for key in keys if key.label)
        self._draw()

    def tell(self, text: str, look: str = "") -> None:
        """Shows a message instead, until the next `hint` or an empty message."""
        self._message = (text, look) if text else None
        self._draw()

    def on_resize(self) -> None:
        """Finds the hints that fit now."""
        self._draw()

    def _draw(self) -> None:
        self.show([(self._message,)] if self._message else [tuple(self._fitting())])

    def _fitting(self) -> list[Span]:
        return hints(self._hints, self.size.width, ascii_only=self.app.has_class("-ascii"))


def hints(keys: Sequence[Key], width: int, *, ascii_only: bool = False) -> list[Span]:
    """The keys that fit in so many cells, each with its label.

    Help, enter and the way out are always there; then those of few screens, for they are new to one.
    """
    signs = {key.name: shown_key(key.keys.split(",")[0], ascii_only=ascii_only) for key in keys}
    chosen: set[str] = set()
    room = width + GAP
    for key in sorted(keys, key=_weight):
        room -= cell_len(f"{signs[key.name]} {key.label}") + GAP
        if room < 0:
            break
        chosen.add(key.name)
    spans: list[Span] = []
    for key in keys:
        if key.name in chosen:
            spans += [(signs[key.name], "accent"), (f" {key.label}{' ' * GAP}", "dim")]
    return spans


def _weight(key: Key) -> int:
    return 0 if key.name in ALWAYS else len(key.screens) or len(KEYMAP)
