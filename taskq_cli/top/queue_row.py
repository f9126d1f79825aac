"""A queue as a row: the figures of a frame with the rates and the forecast that its past allows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from taskq_cli.top.frame import Frame, QueueFrame
from taskq_cli.top.series import Series
from taskq_cli.top.store import Store

SPARK_S: Final = 300.0
FAIL_S: Final = 60.0
"""The share of failures is that of the last minute."""
STEADY_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What the list of queues shows of one. Rates are jobs a second, ``failed`` a share from 0 to 1.

    ``eta`` None: nothing waits; infinite: it does not shrink. ``measured``: whether the rates are, or are
    averages of the minute in which the view was opened.
    """

    queue: QueueFrame
    state: str
    in_rate: float
    out_rate: float
    eta: float | None
    failed: float
    series: Series | None = field(repr=False, compare=False)
    cells: int
    measured: bool = True

    @property
    def spark(self) -> Sequence[float]:
        """As many rates of the last five minutes as there are cells; of rows out of sight nobody asks."""
        if self.series is None:
            return ()
        return self.series.rates(self.queue.at.timestamp(), SPARK_S, self.cells, "done")

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.queue.name


def queue_rows(store: Store, frame: Frame, cells: int = 8) -> list[QueueRow]:
    """A row for each queue of the frame, in its order."""
    return [queue_row(store, queue, cells) for queue in frame.queues]


def queue_row(store: Store, queue: QueueFrame, cells: int = 8) -> QueueRow:
    """One queue as a row."""
    in_rate, out_rate = store.rate(queue, "enqueued"), store.rate(queue, "done")
    return QueueRow(
        queue=queue,
        state=state_of(queue),
        in_rate=in_rate,
        out_rate=out_rate,
        eta=eta_of_queue(store, queue),
        failed=failed_share(store, queue),
        series=store.series.get(queue.name) if cells else None,
        cells=cells,
        measured=store.measured(queue),
    )


def state_of(queue: QueueFrame) -> str:
    """One word: paused, draining, unserved, limited (all that waits is held by limits), busy or idle."""
    if queue.paused:
        return "paused"
    if queue.draining:
        return "draining"
    if (queue.waiting or queue.running) and not queue.workers:
        return "unserved"
    if queue.held and queue.held >= queue.waiting:
        return "limited"
    return "busy" if queue.waiting or queue.running else "idle"


def eta_of_queue(store: Store, queue: QueueFrame) -> float | None:
    """Seconds until nothing waits in the queue; jobs that die or are cancelled wait no more either."""
    if not queue.waiting:
        return None
    goes = sum(store.rate(queue, name) for name in ("done", "dead", "cancelled"))
    return eta_of(queue.waiting, store.rate(queue, "enqueued"), goes)


def eta_of(waiting: int, in_rate: float, out_rate: float) -> float | None:
    """Seconds until nothing waits, at these rates; infinite when it does not shrink.

    What waits for less than `STEADY_S` is work on its way: that it is always there is no backlog.
    """
    if not waiting:
        return None
    if waiting < STEADY_S * out_rate:
        return waiting / out_rate
    shrinks = out_rate - in_rate
    return waiting / shrinks if shrinks > 0.01 * max(out_rate, 1.0) else float("inf")


def failed_share(store: Store, queue: QueueFrame) -> float:
    """The share of attempts that failed in the last minute."""
    failed = store.rate(queue, "failed", FAIL_S)
    ended = failed + store.rate(queue, "done", FAIL_S)
    return failed / ended if ended > 0 else 0.0
