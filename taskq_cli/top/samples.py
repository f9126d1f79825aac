"""What frames say of one queue, or of all together, over time: depth and times for charts. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from taskq_cli.top.frame import Frame, QueueFrame, Times
from taskq_cli.top.store import Store


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment. Times are seconds; of several queues those of the slowest."""

    waiting: int = 0
    running: int = 0
    scheduled: int = 0
    dead: int = 0
    wait: Times | None = None
    run: Times | None = None


@dataclass(slots=True)
class Samples:
    """Those of the frames that a store keeps, each looked at once. ``queue`` "": all queues."""

    queue: str = ""
    _known: dict[datetime, Sample] = field(default_factory=dict)

    def of(self, store: Store, end: datetime, seconds: float, cells: int) -> list[Sample]:
        """So many stretches before ``end``, the oldest first: of each the most there was in it."""
        known = {frame.at: self._known.get(frame.at) or sample(frame, self.queue) for frame in store.frames}
        self._known = known
        times = [at.timestamp() for at in known]
        values = list(known.values())
        step, last = seconds / cells, end.timestamp()
        found: list[Sample] = []
        for cell in range(cells):
            until = last - (cells - 1 - cell) * step
            low, high = bisect_right(times, until - step), bisect_right(times, until)
            # a tick may be longer than a cell: between two frames the earlier one holds
            start = low if high > low else max(0, low - 1)
            near = high > low or (low > 0 and until - times[low - 1] < max(3 * step, 10.0))
            found.append(most(values[start : max(high, start + 1)]) if near else Sample())
        return found


def sample(frame: Frame, queue: str) -> Sample:
    """A frame's figures of one queue, or of all."""
    queues = [each for each in frame.queues if not queue or each.name == queue]
    return Sample(
        waiting=sum(each.waiting for each in queues),
        running=sum(each.running for each in queues),
        scheduled=sum(each.scheduled for each in queues),
        dead=sum(each.dead for each in queues),
        wait=slowest([each.wait for each in queues]),
        run=slowest([each.run for each in queues]),
    )


def most(samples: Sequence[Sample]) -> Sample:
    """The largest of each figure."""
    if len(samples) == 1:
        return samples[0]
    return Sample(
        waiting=max(one.waiting for one in samples),
        running=max(one.running for one in samples),
        scheduled=max(one.scheduled for one in samples),
        dead=max(one.dead for one in samples),
        wait=slowest([one.wait for one in samples]),
        run=slowest([one.run for one in samples]),
    )


def slowest(times: Sequence[Times | None]) -> Times | None:
    """The longest of each percentile."""
    known = [one for one in times if one is not None]
    if not known:
        return None
    return Times(max(one.p50 for one in known), max(one.p99 for one in known))


def queue_names(queues: Sequence[QueueFrame]) -> list[str]:
    """Names, all queues together first, as ""."""
    return ["", *(queue.name for queue in queues)]
