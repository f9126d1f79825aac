"""The columns of the list of queues. Which of them are seen depends on the width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from taskq_cli.top.format import Pen, about, share, span
from taskq_cli.top.queue_row import QueueRow
from taskq_cli.top.widgets.columns import Cell, Column

LOOKS: Final = {"paused": "warn", "draining": "warn", "unserved": "bad", "busy": "good", "idle": "dim",
                "limited": "accent"}  # fmt: skip
SPARK_CELLS: Final = 8
CALM_S: Final = 5.0
Value = Callable[[QueueRow], float | None]


def queue_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""
    return [
        Column("state", "!", 1, lambda r: (pen.glyph(r.state), LOOKS[r.state]), lambda r: r.state,
               right=False),
        Column("name", "QUEUE", 10, lambda r: (r.name, ""), lambda r: r.name, right=False, flexible=True,
               descending=False),
        Column("word", "STATE", 8, lambda r: (r.state, LOOKS[r.state]), lambda r: r.state, 8, right=False),
        _count(pen, "ready", "READY", 9, 0, lambda r: r.queue.waiting),
        _count(pen, "scheduled", "SCHED", 7, 6, lambda r: r.queue.scheduled),
        _count(pen, "running", "RUN", 5, 4, lambda r: r.queue.running),
        replace(_count(pen, "held", "HELD", 6, 9, lambda r: r.queue.held),
                only_where=lambda r: r.queue.limited),
        _count(pen, "dead", "DEAD", 6, 3, lambda r: r.queue.dead, warn=1),
        Column("in", "IN/s", 6, lambda r: _rate(r, r.in_rate), lambda r: r.in_rate, 1),
        Column("out", "OUT/s", 6, lambda r: _rate(r, r.out_rate), lambda r: r.out_rate, 1),
        Column("eta", "ETA", 6, lambda r: (pen.eta(r.eta), "bad" if r.eta == float("inf") else ""),
               lambda r: r.eta, 2),
        Column("oldest", "OLDEST", 7, lambda r: (span(r.queue.oldest_s), ""), _waits, 1),
        _time("wait50", "WAIT50", 9, lambda r: r.queue.wait.p50 if r.queue.wait else None),
        _time("wait99", "WAIT99", 5, lambda r: r.queue.wait.p99 if r.queue.wait else None),
        _time("run50", "RUN50", 9, lambda r: r.queue.run.p50 if r.queue.run else None),
        _time("run99", "RUN99", 5, lambda r: r.queue.run.p99 if r.queue.run else None),
        Column("fail", "FAIL%", 6, lambda r: _shown(r.failed, share(r.failed), warn=0.01, bad=0.1),
               lambda r: r.failed, 2),
        _count(pen, "workers", "WORK", 5, 7, lambda r: r.queue.workers),
        Column("spark", "5 MIN", SPARK_CELLS, lambda r: (pen.spark(r.spark), "accent"), lambda r: r.out_rate,
               3, right=False),
    ]  # fmt: skip


def _rate(row: QueueRow, value: float) -> Cell:
    return _shown(value, about(value, measured=row.measured))


def _waits(row: QueueRow) -> float:
    """The age of the oldest job in whole seconds; below `CALM_S` all are alike, so that rows keep still."""
    oldest = row.queue.oldest_s or 0.0
    return float(int(oldest)) if oldest >= CALM_S else 0.0


def _count(  # noqa: PLR0913 - a column has that many traits
    pen: Pen,
    name: str,
    title: str,
    width: int,
    rank: int,
    value: Callable[[QueueRow], int],
    warn: float = 1e99,
) -> Column:
    return Column(name, title, width, lambda r: _shown(value(r), pen.count(value(r)), warn=warn), value, rank)


def _time(name: str, title: str, rank: int, value: Value) -> Column:
    return Column(name, title, 7, lambda r: (span(value(r)), ""), value, rank)


def _shown(value: float, text: str, *, warn: float = 1e99, bad: float = 1e99) -> Cell:
    look = "bad" if value >= bad else "warn" if value >= warn else "" if value else "dim"
    return text, look
