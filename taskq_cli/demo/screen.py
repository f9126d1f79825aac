"""How the demo looks: a live table on a terminal, a line now and then elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from taskq_cli.demo.figures import Figures, left, total
from taskq_cli.sanitize import clean

COLUMNS: Final = ("queue", "ready", "running", "later", "dead", "in/s", "out/s", "p50 ms", "p99 ms", "done")
EVENTS: Final = 5
LINE_EVERY_S: Final = 2.0


class Screen(Protocol):
    """What shows the demo. ``tell`` may be called from any thread."""

    def show(self, figures: Sequence[Figures], workers: Sequence[int], share: float, phase: str) -> None:
        """The state of things; ``share`` of the demo that is over."""

    def tell(self, event: str) -> None:
        """Something that happened."""

    def close(self) -> None:
        """Nothing more will come."""


def open_screen(*, quiet: bool) -> Screen:
    """The right one for where stderr goes."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if quiet:
        return Silence()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveScreen(console)
    return LineScreen()


class Silence:
    """Shows nothing."""

    def show(self, figures: Sequence[Figures], workers: Sequence[int], share: float, phase: str) -> None:
        """Shows nothing."""

    def tell(self, event: str) -> None:
        """Tells nothing."""

    def close(self) -> None:
        """Does nothing."""


class LineScreen:
    """A line every two seconds, for logs and pipes."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._due = 0.0

    def show(self, figures: Sequence[Figures], workers: Sequence[int], share: float, phase: str) -> None:
        """The sums of all queues."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + LINE_EVERY_S
        ready, running = sum(row.ready for row in figures), sum(row.running for row in figures)
        waits = [row.wait_p99 for row in figures if row.wait_p99 is not None]
        self.tell(
            f"{phase}: ready {ready}, running {running}, later {sum(row.scheduled for row in figures)}, "
            f"dead {sum(row.dead for row in figures)}, in {sum(row.in_per_s for row in figures):.0f}/s, "
            f"out {sum(row.out_per_s for row in figures):.0f}/s, p99 wait {max(waits, default=0):.0f} ms"
        )

    def tell(self, event: str) -> None:
        """A line, with the seconds since the start."""
        sys.stderr.write(f"{time.monotonic() - self._start:5.1f} s  {clean(event)}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing is open."""


class LiveScreen:
    """A table that is drawn anew in place, and what happened lately."""

    def __init__(self, console: Console) -> None:
        self._events: deque[tuple[datetime, str]] = deque(maxlen=EVENTS)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()

    def show(self, figures: Sequence[Figures], workers: Sequence[int], share: float, phase: str) -> None:
        """Draws all of it."""
        self._live.update(
            Group(
                _head(workers, share, phase), _table(figures), _sums(figures), Text(), *self._recent()
            ),
            refresh=True,
        )  # fmt: skip

    def tell(self, event: str) -> None:
        """Drawn with the next `show`."""
        self._events.append((datetime.now().astimezone(), event))

    def close(self) -> None:
        """Leaves the last picture where it is."""
        self._live.stop()

    def _recent(self) -> list[RenderableType]:
        rows: list[RenderableType] = [
            Text.assemble((f" {at:%H:%M:%S}  ", "dim"), clean(event, 66)) for at, event in self._events
        ]
        return rows + [Text()] * (EVENTS - len(rows))


def _head(workers: Sequence[int], share: float, phase: str) -> RenderableType:
    line = Table.grid(expand=False, padding=(0, 2))
    pids = ", ".join(map(str, workers)) or "none"
    line.add_row(
        Text(" taskq demo", style="bold"),
        ProgressBar(total=1.0, completed=min(1.0, share), width=20),
        Text(phase, style="cyan"),
        Text(f"workers {pids}", style="dim"),
    )
    return line


def _table(figures: Sequence[Figures]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for name in COLUMNS:
        table.add_column(name.upper(), justify="left" if name == "queue" else "right", min_width=7)
    for row in figures:
        table.add_row(
            f" {row.queue}",
            _lit(row.ready, "green"),
            _lit(row.running, "cyan"),
            _lit(row.scheduled, "yellow"),
            _lit(row.dead, "red"),
            f"{row.in_per_s:.0f}",
            f"{row.out_per_s:.0f}",
            _milliseconds(row.wait_p50),
            _milliseconds(row.wait_p99),
            str(row.totals.get("done", 0)),
        )
    return table


def _sums(figures: Sequence[Figures]) -> Text:
    done, dead = total(figures, "done"), total(figures, "dead")
    return Text.assemble(
        (f"\n {total(figures, 'enqueued'):,} enqueued = {done:,} done + {left(figures):,} to do", "bold"),
        (f" + {dead:,} dead\n", "bold red" if dead else "bold"),
        (f" {total(figures, 'failed'):,} attempts failed", "yellow"),
        (f"   {total(figures, 'retried'):,} tried again", "yellow"),
        (f"   {total(figures, 'recovered'):,} recovered from a killed worker", "magenta"),
    )


def _lit(value: int, style: str) -> Text:
    return Text(str(value), style=style if value else "dim")


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
