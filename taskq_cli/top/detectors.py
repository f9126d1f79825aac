"""What is wrong now, the worst first: rules over the store, each with the key that leads on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from taskq_cli.durations import format_duration
from taskq_cli.top.frame import Frame, QueueFrame
from taskq_cli.top.queue_row import failed_share
from taskq_cli.top.store import Store
from taskq_core import Rate

GROWS_S: Final = 60.0
GROWS_JOBS: Final = 100
"""A backlog below this is no news, however it grows."""
STORM_SHARE: Final = 0.5
STORM_A_SECOND: Final = 0.2
STUCK_S: Final = 15.0
OVERDUE_S: Final = 5.0
MISSED_S: Final = 300.0
LONG_WAIT_S: Final = 300.0
"""A wait that is reported where the queue has no SLO of its own."""
MEMORY_SHARE: Final = 0.85


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. ``severity`` 2: jobs do not run or are lost; 1: they will not, if it goes on.

    ``queue`` empty: the whole server. ``screen`` is where to look, ``key`` what to press there.
    """

    severity: int
    queue: str
    text: str
    screen: str
    key: str


Detector = Callable[[Store, Frame, QueueFrame], str | None]


def findings(store: Store, frame: Frame) -> list[Finding]:
    """All that is wrong in a frame: severe ones first, then by queue."""
    found = [*_of_server(store, frame), *_of_workers(store, frame)]
    for queue in frame.queues:
        found += _of_queue(store, frame, queue)
    return sorted(found, key=lambda finding: (-finding.severity, finding.queue))


def _of_queue(store: Store, frame: Frame, queue: QueueFrame) -> Iterator[Finding]:
    implied: set[Detector] = set()
    for severity, screen, key, detect in RULES:
        text = None if detect in implied else detect(store, frame, queue)
        if text is not None:
            implied |= IMPLIED.get(detect, frozenset())
            yield Finding(severity, queue.name, text, screen, key)


# -- rules of one queue ---------------------------------------------------------------------------


def unserved(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Jobs wait, or are in the hands of workers that are gone, and no worker serves the queue."""
    if queue.workers:
        return None
    if queue.running:
        return f"no worker serves it: {queue.running:,} jobs are held by workers that are gone"
    if queue.paused or not queue.waiting:
        return None
    return f"{queue.waiting:,} jobs wait and no worker serves it"


def paused(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Jobs wait behind a pause."""
    return f"paused, {queue.waiting:,} jobs wait" if queue.paused and queue.waiting else None


def stuck(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Workers are alive, jobs wait, and none is taken."""
    free = queue.waiting - queue.held
    if not queue.workers or queue.paused or free <= 0 or (queue.oldest_s or 0) < STUCK_S:
        return None
    serving = [worker for worker in frame.workers if worker.queue == queue.name]
    slots = sum(worker.slots - worker.busy for worker in serving)
    if slots <= 0 or _ends(store, queue) or _closed(queue):
        return None
    return f"{queue.workers} workers are alive and take none of {free:,} jobs"


def held(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Limits of tasks and keys hold all that waits, and nothing runs."""
    return None if queue.held_by_tenants else _held(store, queue)


def tenants_held(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """The same, by what tenants may have, or because they are paused."""
    text = _held(store, queue) if queue.held_by_tenants else None
    if text is None:
        return None
    if queue.held_by_tenants >= queue.waiting:
        return f"{text} or pauses of tenants"
    return f"{text}, {queue.held_by_tenants:,} of them by what their tenants may have"


def _held(store: Store, queue: QueueFrame) -> str | None:
    if not queue.workers or queue.paused or not queue.waiting or queue.held < queue.waiting or queue.running:
        return None
    return None if _ends(store, queue) else f"all {queue.waiting:,} jobs that wait are held by limits"


def _ends(store: Store, queue: QueueFrame) -> bool:
    """Whether a job has ended a short time ago."""
    return any(store.rate(queue, name, STUCK_S) > 0 for name in ("done", "failed", "cancelled"))


def _closed(queue: QueueFrame) -> bool:
    """Whether a limit of the whole queue lets no job start, or so seldom that it may look like none."""
    most = _number(queue, "max_running")
    rate = Rate.read(queue.settings.get("rate", ""))
    return 0 < most <= queue.running or (rate is not None and rate.gap_us > STUCK_S * 1e6)


def grows(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """More comes in than goes out."""
    if queue.waiting < GROWS_JOBS or not queue.workers or queue.paused:
        return None
    comes = store.rate(queue, "enqueued", GROWS_S)
    goes = store.rate(queue, "done", GROWS_S) + store.rate(queue, "dead", GROWS_S)
    if comes <= goes * 1.1 + 0.1:
        return None
    return f"grows by {comes - goes:,.0f} jobs/s, {queue.waiting:,} wait"


def storm(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Most attempts fail."""
    share = failed_share(store, queue)
    if share < STORM_SHARE or store.rate(queue, "failed", 60.0) < STORM_A_SECOND:
        return None
    died = store.count(queue, "dead", 60.0)
    return f"{share:.0%} of its attempts fail" + (f", {died:,.0f} jobs died in a minute" if died >= 1 else "")


def dying(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Jobs are buried."""
    died = store.count(queue, "dead", 60.0)
    return f"{died:,.0f} jobs died in the last minute, {queue.dead:,} are dead" if died >= 1 else None


def late(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """The oldest job waits longer than the queue's SLO."""
    limit = _slo_s(queue)
    if queue.paused or queue.oldest_s is None or queue.oldest_s <= limit:
        return None
    waits = f"the oldest job waits {format_duration(queue.oldest_s)}, more than {format_duration(limit)}"
    return f"{waits}, and it grows" if grows(store, frame, queue) else waits


def overdue(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """A scheduled job is past its time."""
    if queue.next_due_at is None:
        return None
    since = (queue.at - queue.next_due_at).total_seconds()
    return f"scheduled jobs are {format_duration(since)} overdue" if since > OVERDUE_S else None


def unfired(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """A schedule is due, and nobody fires it."""
    if queue.next_fire_at is None:
        return None
    since = (queue.at - queue.next_fire_at).total_seconds()
    return f"a schedule is {format_duration(since)} overdue: nobody fires it" if since > OVERDUE_S else None


def missed(store: Store, frame: Frame, queue: QueueFrame) -> str | None:
    """Runs of schedules were not made."""
    count = store.count(queue, "missed", MISSED_S)
    return f"its schedules missed {count:,.0f} runs in the last minutes" if count >= 1 else None


RULES: Final[Sequence[tuple[int, str, str, Detector]]] = (
    (2, "queues", "2", unserved),
    (2, "workers", "5", stuck),
    (1, "tenants", "u", tenants_held),
    (1, "jobs", "3", held),
    (2, "failures", "4", storm),
    (1, "failures", "4", dying),
    (1, "queues", "2", late),
    (1, "queues", "2", overdue),
    (1, "schedules", "6", unfired),
    (1, "schedules", "6", missed),
    (1, "queues", "2", grows),
    (1, "queues", "P", paused),
)
"""Severity, the screen to look at, the key that leads there or helps at once, and the rule."""
IMPLIED: Final[Mapping[Detector, frozenset[Detector]]] = {
    unserved: frozenset({late, overdue, unfired}),
    stuck: frozenset({late, grows}),
    tenants_held: frozenset({late, grows}),
    held: frozenset({late, grows}),
    storm: frozenset({dying}),
    late: frozenset({grows}),
}
"""What follows from a cause that is said already. Causes stand before it in `RULES`."""


def _slo_s(queue: QueueFrame) -> float:
    return _number(queue, "slo") / 1000 or LONG_WAIT_S


def _number(queue: QueueFrame, name: str) -> int:
    """A setting that is a number, else 0: whoever may write on the server may have set it."""
    value = queue.settings.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else 0


# -- rules of workers and the server ---------------------------------------------------------------


def _of_workers(store: Store, frame: Frame) -> Iterator[Finding]:
    """Workers fell silent, and their jobs were taken over: one finding, whatever queues they served."""
    taken = {queue.name: store.count(queue, "recovered", 60.0) for queue in frame.queues}
    taken = {name: count for name, count in taken.items() if count >= 1}
    if not taken:
        return
    most = max(taken, key=lambda name: taken[name])
    where = f" in {len(taken)} queues" if len(taken) > 1 else ""
    text = f"a worker was lost: {sum(taken.values()):,.0f} jobs taken over in the last minute{where}"
    yield Finding(1, most, text, "workers", "5")


def _of_server(store: Store, frame: Frame) -> Iterator[Finding]:
    server = frame.server
    if server is None:
        return
    if server.max_memory and server.used_memory > MEMORY_SHARE * server.max_memory:
        share = server.used_memory / server.max_memory
        yield Finding(2, "", f"the server's memory is {share:.0%} full", "server", "9")
    if server.max_memory and server.eviction not in ("noeviction", ""):
        yield Finding(2, "", f"the server may evict jobs: {server.eviction}", "server", "9")
