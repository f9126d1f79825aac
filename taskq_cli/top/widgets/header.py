"""The two lines at the top: where one is, how true it is, and the figures of all queues together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rich.cells import cell_len

from taskq_cli.top.format import Pen, about, clock, fit, share, span
from taskq_cli.top.frame import Frame
from taskq_cli.top.queue_row import eta_of_queue
from taskq_cli.top.store import Store
from taskq_cli.top.widgets.lines import Line, Lines, Span

_LOOK_OF_STATE = {
    "live": "good", "frozen": "warn", "replay": "accent", "stale": "warn", "disconnected": "bad",
}  # fmt: skip
SHORT: Final = 8
"""Characters that a place keeps of its name, however narrow the window is."""
SHORTER: Final = {"  busy ": " w ", "  backlog ": " wait "}


@dataclass(frozen=True, slots=True)
class Condition:
    """How true the picture is: a word of `Clockwork.state`, its age, and when the server is asked again."""

    state: str
    age: float
    interval: float
    read_only: bool
    label: str
    retry_in: float | None = None


class Header(Lines):
    """Two lines; the second one sums up all queues."""

    DEFAULT_CSS = "Header { height: 2; dock: top; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="header")
        self._pen = pen
        self._summed: tuple[Frame, Line] | None = None

    def tell(self, store: Store, frame: Frame | None, condition: Condition) -> None:
        """Shows a frame, and how true it is."""
        width = self.size.width
        first = place(frame, condition, self._pen)
        if (over := _width(first) - width) > 0:
            # how true it is must be seen, whatever the place is called
            name = fit(condition.label, max(SHORT, len(condition.label) - over), self._pen)
            first = place(frame, replace(condition, label=name), self._pen)
        self.show([first, fitting(self._sums(store, frame), width)])

    def _sums(self, store: Store, frame: Frame | None) -> Line:
        if frame is None:
            return (("waiting for the server", "dim"),)
        if self._summed is None or self._summed[0] is not frame:
            self._summed = frame, summary(store, frame, self._pen)
        return self._summed[1]


def fitting(line: Line, width: int) -> Line:
    """The same with short words and single spaces where it must, and without the forecast if that is it."""
    if _width(line) <= width:
        return line
    short = tuple(
        (SHORTER.get(text, text.replace("  ", " ").replace("eta never", "never")), look)
        for text, look in line
    )
    if _width(short) <= width:
        return short
    # the last figure, how many slots are busy, tells more
    return tuple((text, look) for text, look in short if not text.startswith(" ("))


def _width(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def place(frame: Frame | None, condition: Condition, pen: Pen) -> Line:
    """Where one is and how true the picture is."""
    look = _LOOK_OF_STATE[condition.state]
    spans: list[Span] = [("taskq ", "strong"), (condition.label, "accent")]
    if condition.read_only:
        spans.append((" READ-ONLY", "warn"))
    if frame is not None:
        spans.append((f"  {clock(frame.at)}", ""))
    word = f"  {pen.glyph(condition.state)} {condition.state}"
    spans.append((f"{word} {condition.interval:g}s" if condition.state == "live" else word, look))
    if condition.state == "disconnected" and condition.retry_in is not None:
        spans.append((f", again in {condition.retry_in:.0f}s", "bad"))
    if frame is not None:
        spans.append((f"  rtt {span(frame.rtt_s)}", "dim"))
        spans.append(
            (f"  age {_age(condition.age)}", "dim" if condition.age < 3 * condition.interval else "warn")
        )
    return tuple(spans)


def _age(seconds: float) -> str:
    # a tenth of a second would change with every drawing
    return span(float(round(seconds))) if seconds >= 1 else "<1s"


def summary(store: Store, frame: Frame, pen: Pen) -> Line:
    """The figures of all queues together."""
    comes = sum(store.rate(queue, "enqueued") for queue in frame.queues)
    goes = sum(store.rate(queue, "done") for queue in frame.queues)
    failed = sum(store.rate(queue, "failed", 60.0) for queue in frame.queues)
    ended = failed + sum(store.rate(queue, "done", 60.0) for queue in frame.queues)
    backlog = sum(queue.waiting for queue in frame.queues)
    oldest = max((queue.oldest_s for queue in frame.queues if queue.oldest_s is not None), default=None)
    dead = sum(queue.dead for queue in frame.queues)
    part = failed / ended if ended else 0.0
    slots, busy = workforce(frame)
    measured = all(map(store.measured, frame.queues))
    return (
        ("in ", "dim"), (f"{about(comes, measured=measured)}/s", ""),
        ("  out ", "dim"), (f"{about(goes, measured=measured)}/s", ""),
        ("  fail ", "dim"), (f"{share(part)}%", "bad" if part >= 0.1 else "warn" if part >= 0.01 else ""),
        ("  backlog ", "dim"), (pen.count(backlog), ""),
        (f" (eta {pen.eta(longest_eta(store, frame))})" if backlog else "", "dim"),
        ("  oldest ", "dim"), (span(oldest) or "-", ""),
        ("  dead ", "dim"), (pen.count(dead), "warn" if dead else ""),
        ("  busy ", "dim"), (f"{busy}/{slots}", "bad" if backlog and not slots else ""),
    )  # fmt: skip


def longest_eta(store: Store, frame: Frame) -> float | None:
    """When nothing would wait any more in any queue: one that nobody serves is not emptied by the others."""
    return max(
        (eta for queue in frame.queues if (eta := eta_of_queue(store, queue)) is not None), default=None
    )


def workforce(frame: Frame) -> tuple[int, int]:
    """The slots of all workers and how many are busy; a worker of several queues counts once."""
    seen = {(worker.host, worker.pid): worker for worker in frame.workers}
    return sum(worker.slots for worker in seen.values()), sum(worker.busy for worker in seen.values())
