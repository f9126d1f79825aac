"""Frames of a live server. The cost of a tick is bounded: it grows with queues and workers, never with jobs.

1. The first tick also brings the counts of the last hour, so the view opens with a past.
2. Of very many queues a part is asked at each tick, the others keep their last answer.
3. Failures are read of those queues alone whose count of them has changed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from taskq_cli.top.frame import Frame, QueueFrame, queue_frame
from taskq_cli.top.source import Tick
from taskq_core import AccessDenied, Client, FailedAttempt, ServerInfo, WorkerInfo

MINUTES: Final = 2
PAST_MINUTES: Final = 60
MOST_A_TICK: Final = 200
"""Queues that are asked at one tick."""
INFO_EVERY: Final = 5
"""Ticks between two looks at the server itself."""
FAILURES_KEPT: Final = 200


class LiveSource:
    """Asks the server through its own client; only ever used by one thread at a time."""

    def __init__(self, client: Client, *, glob: str | None = None, label: str = "") -> None:
        self.label = label
        self._client = client
        self._glob = glob
        self._known: dict[str, QueueFrame] = {}
        self._workers: dict[str, tuple[WorkerInfo, ...]] = {}
        self._failures: list[tuple[str, FailedAttempt]] = []
        self._server: ServerInfo | None = None
        self._ticks = 0
        self._turn = 0
        self._wanted: frozenset[str] = frozenset()

    def attend(self, queues: Iterable[str]) -> None:
        """These queues are on screen: they are asked at every tick, however many others there are."""
        self._wanted = frozenset(queues)

    def tick(self) -> Tick:
        """All that is asked at one tick. Raises: TaskqError."""
        started = time.monotonic()
        names = self._names()
        rtt = time.monotonic() - started
        asked = self._part(names)
        new = [name for name in asked if name not in self._known]
        counted = PAST_MINUTES if new else 0
        snapshots = self._client.snapshots(asked, MINUTES, counted)
        before = dict(self._known)
        self._known |= {snapshot.queue: queue_frame(snapshot) for snapshot in snapshots}
        self._known = {name: self._known[name] for name in names if name in self._known}
        self._look_at_workers(asked)
        self._look_at_failures(before)
        if self._ticks % INFO_EVERY == 0:
            self._look_at_server()
        self._ticks += 1
        past = {snapshot.queue: snapshot.history for snapshot in snapshots if snapshot.queue in new}
        at = max((queue.at for queue in self._known.values()), default=datetime.now(UTC))
        return Tick(
            Frame(
                at=at,
                queues=tuple(self._known.values()),
                workers=tuple(worker for rows in self._workers.values() for worker in rows),
                failures=tuple(failure for _, failure in self._failures),
                server=self._server,
                rtt_s=rtt,
            ),
            past,
        )

    def _look_at_server(self) -> None:
        # a tenant may not ask: the server would tell of all others
        with contextlib.suppress(AccessDenied):
            self._server = self._client.ping()

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _names(self) -> list[str]:
        names = self._client.queues()
        if self._glob is None:
            return names
        return [name for name in names if fnmatchcase(name, self._glob)]

    def _part(self, names: list[str]) -> list[str]:
        """Those to be asked now: all, or those on screen, new ones, and some of the others in turn."""
        if len(names) <= MOST_A_TICK:
            return names
        first = [name for name in names if name in self._wanted][: MOST_A_TICK // 2]
        room = MOST_A_TICK - len(first)
        start = self._turn % len(names)
        others = [name for name in (*names[start:], *names[:start]) if name not in self._wanted][:room]
        self._turn = start + len(others)
        return [*first, *others]

    def _look_at_workers(self, asked: list[str]) -> None:
        serving = [name for name in asked if self._known[name].workers]
        found = self._client.workers_of(serving)
        for name in asked:
            self._workers.pop(name, None)
        for worker in found:
            self._workers[worker.queue] = (*self._workers.get(worker.queue, ()), worker)
        for name in set(self._workers) - set(self._known):
            del self._workers[name]

    def _look_at_failures(self, before: dict[str, QueueFrame]) -> None:
        changed = [
            name
            for name, queue in self._known.items()
            if queue.total("failed") and (name not in before or _failed(before[name]) != _failed(queue))
        ]
        for name in changed:
            latest = [(name, failure) for failure in self._client.failures(name, limit=50)]
            self._failures = [row for row in self._failures if row[0] != name] + latest
        if changed:
            self._failures.sort(key=lambda row: row[1].at, reverse=True)
            del self._failures[FAILURES_KEPT:]


def _failed(queue: QueueFrame) -> int:
    return queue.total("failed")
