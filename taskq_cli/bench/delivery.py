"""The exact check: every id that enqueueing returned ran once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

from taskq_cli.bench.measurement import Measurement
from taskq_cli.bench.records import ids
from taskq_cli.bench.scratch import Place, Scratch

SHARE = 5
PRODUCERS = 2


def delivery(scratch: Scratch, jobs: int) -> Iterator[Measurement]:
    """Jobs lost and jobs run twice, of two producers and two workers, with plain and async handlers."""
    each = max(100, jobs // SHARE // PRODUCERS)
    with scratch.place("delivery") as place:
        _run(place, each)
        enqueued, ran = ids(place.folder, "enqueued"), Counter(ids(place.folder, "ran"))
        lost = set(enqueued) - ran.keys()
    yield Measurement("lost", len(lost), "jobs", len(enqueued), "enqueued and never run")
    yield Measurement("run_twice", ran.total() - len(ran), "jobs", len(enqueued), "run more than once")


def _run(place: Place, each: int) -> None:
    def progress() -> int:
        return (place.folder / "ran").stat().st_size if (place.folder / "ran").exists() else 0

    with ExitStack() as stack:
        producers = [stack.enter_context(place.produce("noted", str(each))) for _ in range(PRODUCERS)]
        for plain in (False, True):
            stack.enter_context(place.worker(plain=plain))
        for producer in producers:
            place.finish(producer, "the producer", progress)
        # until the queue is empty, and not until all have run: what is lost never runs
        place.until(lambda: _is_empty(place), "the workers", progress)


def _is_empty(place: Place) -> bool:
    now = place.client.snapshot(place.queue)
    return not (now.ready_total or now.running or now.scheduled)
