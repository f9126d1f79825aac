"""Questions: a line to type, a list of keys, and the confirmation of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Input

from taskq_cli.top.widgets.folding import folded
from taskq_cli.top.widgets.lines import Line, Lines

DIALOG_CSS = """
    & { align: center middle; background: $background 60%; }
    & > Vertical { width: 90%; max-width: 100; height: auto; max-height: 90%; border: round $accent;
        background: $surface; padding: 0 1; }
    & Lines { height: auto; max-height: 30; }
    & Input, & Input:focus { border: none; height: 1; padding: 0; background: $boost; }
"""


BORDER: Final = 4
"""Cells that border and padding take."""
WIDEST: Final = 100


def inner_size(window: Size) -> tuple[int, int]:
    """Cells and lines of text that a dialog has in a window of that size."""
    return min(WIDEST, window.width * 9 // 10) - BORDER, window.height * 9 // 10 - 2


class Prompt(ModalScreen[str | None]):
    """One line of text; None when it was left with esc. ``replace``: typing takes the place of the value."""

    DEFAULT_CSS = f"Prompt {{ {DIALOG_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, question: str, value: str = "", note: str = "", *, replace: bool = True) -> None:
        super().__init__()
        self._replace = replace
        self._question = question
        self._value = value
        self._note = note

    def compose(self) -> ComposeResult:
        """The question and a field."""
        with Vertical():
            yield Lines(id="question")
            yield Input(self._value, id="answer", select_on_focus=self._replace)

    def on_mount(self) -> None:
        """Writes the question."""
        lines: list[Line] = [((self._question, "strong"),)]
        if self._note:
            lines.append(((self._note, "dim"),))
        lines = folded(lines, inner_size(self.app.size)[0])
        question = self.query_one("#question", Lines)
        question.styles.height = len(lines)
        question.show(lines)
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The answer is given."""
        _ = self.dismiss(event.value)

    def action_leave(self) -> None:
        """No answer."""
        _ = self.dismiss(None)


class Sheet(ModalScreen[None]):
    """Text to read, such as the list of keys; any of its keys closes it."""

    DEFAULT_CSS = f"""
        Sheet {{ {DIALOG_CSS} }}
        Sheet > Vertical {{ height: 90%; }}
        Sheet Lines {{ height: 1fr; max-height: 100%; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "leave", show=False),
        Binding("j,down", "roll(1)", show=False),
        Binding("k,up", "roll(-1)", show=False),
        Binding("pagedown,space", "roll(15)", show=False),
        Binding("pageup", "roll(-15)", show=False),
    ]

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The text."""
        with Vertical():
            yield Lines(id="sheet")

    def on_mount(self) -> None:
        """Writes the text."""
        width, height = inner_size(self.app.size)
        lines = folded(self._lines, width)
        self.query_one(Vertical).styles.height = min(len(lines), height) + 2
        self.query_one("#sheet", Lines).show(lines)

    def action_roll(self, lines: int) -> None:
        """So many lines further."""
        self.query_one("#sheet", Lines).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Closes it."""
        _ = self.dismiss(None)
