"""The confirmation of a change: what, how many, which; No unless one says otherwise."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from taskq_cli.top.actions import Plan
from taskq_cli.top.widgets.dialog import DIALOG_CSS, inner_size
from taskq_cli.top.widgets.folding import folded
from taskq_cli.top.widgets.lines import Line, Lines


class Confirm(ModalScreen[bool]):
    """True when it was agreed to. ``y`` agrees; where a name has to be typed, the name and enter."""

    DEFAULT_CSS = f"Confirm {{ {DIALOG_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "answer(False)", show=False),
        Binding("n,enter,q", "answer(False)", show=False),
        Binding("y", "answer(True)", show=False),
    ]

    def __init__(self, plan: Plan, notice: str = "") -> None:
        super().__init__()
        self.plan = plan
        self._notice = notice

    def compose(self) -> ComposeResult:
        """The question, and a field where a name has to be typed."""
        with Vertical():
            yield Lines(id="plan")
            if self.plan.typed:
                yield Input(id="name")

    def on_mount(self) -> None:
        """Writes what would be done."""
        width, height = inner_size(self.app.size)
        lines = question(self.plan, self._notice, width=width, height=height)
        shown = self.query_one("#plan", Lines)
        shown.styles.height = len(lines)
        shown.show(lines)
        if self.plan.typed:
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The name was typed, or something else."""
        _ = self.dismiss(event.value == self.plan.typed)

    def action_answer(self, agreed: bool) -> None:
        """Yes only where no name has to be typed."""
        _ = self.dismiss(agreed and not self.plan.typed)


def question(plan: Plan, notice: str = "", *, width: int = 96, height: int = 99) -> list[Line]:
    """What would be done: count, queues, a sample, and the command that does the same.

    Where there is little room, the sample is shorter: the question and its answer are always seen.
    """
    title = f"{plan.title}?"
    above = folded([*([((notice, "warn"),)] if notice else []), ((title, "strong"),)], width)
    below = folded([*([((plan.warning, "bad"),)] if plan.warning else []), ((plan.command, "dim"),)], width)
    below += [_answer(plan)]
    room = height - len(above) - len(below) - 1 - bool(plan.typed)
    sample = plan.sample[: max(0, room)]
    lines: list[Line] = [((f"  {name}", ""),) for name in sample]
    if plan.count > max(1, len(sample)):
        lines.append(((f"  and {plan.count - len(sample):,} more", "dim"),))
    return [*above, *lines, *below]


def _answer(plan: Plan) -> Line:
    if plan.typed:
        return (("type ", ""), (plan.typed, "strong"), (" and press enter; esc leaves all as it is", ""))
    return (("y", "accent"), (" yes   ", ""), ("N", "accent"), (" no (enter, esc)", ""))
