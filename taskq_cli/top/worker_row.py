"""A worker as a row: what it said last, what it does a second, and those that are no longer there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from taskq_cli.top.format import span
from taskq_cli.top.frame import Frame
from taskq_cli.top.store import Store
from taskq_core import WorkerProcess, processes_of

SILENT_SHARE: Final = 0.6
"""A worker renews its lease each third of it: after more than half of it without news it is silent."""
GONE_S: Final = 300.0
"""For so long a worker that is no longer there is still listed."""
LOOK_BACK: Final = 40
"""Earlier frames that are looked at for those that are gone."""
RATE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """``seen_s``: seconds since it was heard of; ``lease_s``: until its jobs go to others. Rates a second."""

    worker: WorkerProcess
    state: str
    seen_s: float
    lease_s: float
    rate: float | None = None

    @property
    def id(self) -> str:
        """The worker's id."""
        return self.worker.id

    @property
    def queues(self) -> str:
        """Its queues, for one line."""
        return ",".join(self.worker.queues)

    @property
    def seen(self) -> str:
        """How long ago it was heard of, in whole seconds: a fraction would only flicker."""
        return f"{self.seen_s:.0f}s" if self.seen_s < 100 else span(self.seen_s)

    @property
    def tasks(self) -> tuple[str, ...]:
        """All tasks it knows."""
        return tuple(sorted({task for lease in self.worker.leases for task in lease.tasks}))


def worker_rows(store: Store, frame: Frame) -> list[WorkerRow]:
    """The workers of a frame, and then those of the last minutes that are not in it."""
    present = processes_of(frame.workers)
    ids = {worker.id for worker in present}
    earlier = _earlier(store, frame)
    rows = [worker_row(worker, frame.at, earlier.get(worker.id)) for worker in present]
    gone = [worker for name, (worker, _) in earlier.items() if name not in ids]
    return [*rows, *(_gone(worker, frame.at) for worker in gone)]


def worker_row(
    worker: WorkerProcess, now: datetime, before: tuple[WorkerProcess, datetime] | None = None
) -> WorkerRow:
    """One worker. ``before``: how it was at an earlier time, to tell how many jobs a second it ends."""
    latest = worker.latest
    seen = max(0.0, (now - latest.seen_at).total_seconds())
    state = worker.state
    if state == "working":
        state = "silent" if seen > SILENT_SHARE * latest.lease.total_seconds() else state
        state = "idle" if state == "working" and not latest.busy else state
    return WorkerRow(worker, state, seen, (latest.expires_at - now).total_seconds(), _rate(worker, before))


def _rate(worker: WorkerProcess, before: tuple[WorkerProcess, datetime] | None) -> float | None:
    if before is None:
        return None
    span = (worker.latest.seen_at - before[0].latest.seen_at).total_seconds()
    return max(0, _ended(worker) - _ended(before[0])) / span if span > 0 else None


def _ended(worker: WorkerProcess) -> int:
    return worker.latest.count("done") + worker.latest.count("failed")


def _gone(worker: WorkerProcess, now: datetime) -> WorkerRow:
    latest = worker.latest
    seen = max(0.0, (now - latest.seen_at).total_seconds())
    return WorkerRow(worker, "left" if latest.stopping else "gone", seen, 0.0)


def _earlier(store: Store, frame: Frame) -> dict[str, tuple[WorkerProcess, datetime]]:
    """Workers by id, each as it was about a minute ago, or when it was last there."""
    since = frame.at - timedelta(seconds=GONE_S)
    frames = [past for past in store.frames if since <= past.at < frame.at]
    # those right before this one always, so that a worker that has just gone is among them
    some = [*frames[: -LOOK_BACK // 2 : max(1, len(frames) * 2 // LOOK_BACK)], *frames[-LOOK_BACK // 2 :]]
    found: dict[str, tuple[WorkerProcess, datetime]] = {}
    present = {worker.process for worker in frame.workers}
    for past in some:
        for worker in processes_of(past.workers):
            old = found.get(worker.id)
            if old is None or worker.id not in present or (frame.at - past.at).total_seconds() >= RATE_S:
                found[worker.id] = worker, past.at
    return found
