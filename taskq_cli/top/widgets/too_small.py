"""What is seen in a window in which nothing could be read."""

from __future__ import annotations

from typing import Final

from textual import events

from taskq_cli.top.widgets.lines import Lines

LEAST: Final = (60, 16)
"""Columns and lines that the view needs."""


class TooSmall(Lines):
    """Says what is needed and what there is."""

    def __init__(self) -> None:
        super().__init__(id="too-small")

    def on_resize(self, event: events.Resize) -> None:
        """Says it anew."""
        width, height = self.app.size
        self.show(
            [
                (("taskq top", "strong"),),
                ((f"needs {LEAST[0]}x{LEAST[1]}; here are {width}x{height}.", "warn"),),
                (("Make the window larger, or use", ""),),
                (("taskq stats. q leaves.", ""),),
            ]
        )


def too_small(width: int, height: int) -> bool:
    """Whether a window is."""
    return width < LEAST[0] or height < LEAST[1]
