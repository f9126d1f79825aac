"""What a process enqueued, as metrics in a registry of its own. Off until `register` is called."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry

from taskq_core.errors import NotDurable, QueueDraining, QueueFull, ServerFull, ServerUnreachable
from taskq_core.metrics import hook
from taskq_core.metrics.catalogue import of
from taskq_core.metrics.exposition import SheetCollector
from taskq_core.metrics.labels import Admission
from taskq_core.metrics.sheet import Sheet, build_info

_ENQUEUED: Final = "taskq_jobs_enqueued_total"
_REJECTED: Final = "taskq_enqueue_rejected_total"
_REASONS: Final[tuple[tuple[str, type[Exception]], ...]] = (
    ("full", QueueFull),
    ("draining", QueueDraining),
    ("memory", ServerFull),
    ("unreachable", ServerUnreachable),
)
REASONS: Final = ("duplicate", *(name for name, _ in _REASONS), "error")


class Group(Protocol):
    """Jobs of one call that share their task."""

    @property
    def task(self) -> str:
        """Its name."""

    @property
    def payloads(self) -> Sequence[bytes]:
        """One for each job."""


class ProducerTally:
    """Counts for all clients of a process, once for each call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._admission = Admission()
        self._sheets: dict[str, Sheet] = {}

    def enqueued(self, place: tuple[str, str], groups: Sequence[Group], receipts: Any) -> None:
        """A call was answered. Jobs whose unique key was taken count as rejected."""
        added: dict[str, int] = {}
        for task, count in _added(groups, receipts):
            added[task] = added.get(task, 0) + count
        duplicates = sum(run.count for run in receipts.runs if run.duplicate)
        with self._lock:
            for task, count in added.items():
                self._add(place, task, count)
            if duplicates:
                self._reject(place, "duplicate", duplicates)

    def refused(self, place: tuple[str, str], groups: Sequence[Group], error: Exception) -> None:
        """A call failed; one whose jobs are only not known to be safe did add them."""
        if isinstance(error, NotDurable):
            self.enqueued(place, groups, error.receipts)
            return
        reason = next((name for name, kind in _REASONS if isinstance(error, kind)), "error")
        with self._lock:
            self._reject(place, reason, sum(len(group.payloads) for group in groups))

    def _add(self, place: tuple[str, str], task: str, count: int) -> None:
        namespace, queue = place
        rows = self._sheet(namespace, self._admission.queue(queue))[_ENQUEUED]
        labels = self._admission.pair(queue, task)
        rows[labels] = rows.get(labels, 0) + count

    def _reject(self, place: tuple[str, str], reason: str, count: int) -> None:
        queue = self._admission.queue(place[1])
        self._sheet(place[0], queue)[_REJECTED][queue, reason] += count

    def _sheet(self, namespace: str, queue: str) -> Sheet:
        sheet = self._sheets.setdefault(namespace, {_ENQUEUED: {}, _REJECTED: {}})
        if (queue, REASONS[0]) not in sheet[_REJECTED]:
            sheet[_REJECTED] |= {(queue, reason): 0 for reason in REASONS}
        return sheet

    def sheets(self) -> list[tuple[str, Sheet]]:
        """By namespace, as they are now."""
        with self._lock:
            found = [
                (namespace, {name: dict(rows) for name, rows in sheet.items()})
                for namespace, sheet in self._sheets.items()
            ]
        return [*found, ("", {"taskq_build_info": build_info()})]


def _added(groups: Sequence[Group], receipts: Any) -> Iterator[tuple[str, int]]:
    """Tasks and how many jobs of them were added."""
    if not any(run.duplicate or run.met for run in receipts.runs):
        yield from ((group.task, len(group.payloads)) for group in groups)
        return
    tasks = (group.task for group in groups for _ in group.payloads)
    for task, receipt in zip(tasks, receipts, strict=True):
        yield task, int(receipt.added)


_tally: Final = ProducerTally()
_registries: Final[WeakSet[CollectorRegistry]] = WeakSet()


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """From now on counts what `Client`, `AsyncClient` and `TaskQueue` enqueue in this process.

    Adds ``taskq_jobs_enqueued_total``, ``taskq_enqueue_rejected_total`` and ``taskq_build_info`` to the
    registry; how they are served is the application's affair. A second call for one registry does nothing.
    """
    if registry not in _registries:
        registry.register(SheetCollector(_tally.sheets, (metric.name for metric in of("producer"))))
        _registries.add(registry)
    hook.counter = _tally
