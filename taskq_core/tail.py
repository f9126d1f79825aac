"""Following what ends in queues: which places are read, from where on, and what an entry says. No I/O.

Failed attempts are always written down. What is done or cancelled is written down only while somebody
follows the queue: a listener leaves a note that expires, and scripts look for it once a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from taskq_core import config
from taskq_core.claimed import entry_ms
from taskq_core.clock import moment, monotonic, to_ms
from taskq_core.command import pairs, text
from taskq_core.keys import QueueKeys
from taskq_core.noted import number, read_fraction
from taskq_core.queries import read_failure
from taskq_core.snapshot import FailedAttempt

MOST: Final = 1_000
"""Entries of one place in one reply."""
MAX_WAIT_MS: Final = 5_000
"""Under the reply time-out of every client."""
RENEW_S: Final = 3.0
_WISH: Final = f"{config.EVENTS_A_BATCH} {config.EVENTS_KEPT} {config.EVENTS_MS}"


@dataclass(frozen=True, slots=True)
class Event:
    """A job that ended or failed. ``state``: done, failed (it will be tried again), dead or cancelled.

    With ``Tail(logs=True)`` also what jobs say while they run: ``state`` progress or log.

    Where many end at once only some are named; one event without an id counts the others.
    """

    queue: str
    state: str
    at: datetime
    id: str | None = None
    task: str | None = None
    attempt: int | None = None
    type: str | None = None
    message: str | None = None
    fingerprint: str | None = None
    next_attempt_at: datetime | None = None
    count: int = 1
    progress: float | None = None
    text: str | None = None
    """With the state log, a line; with progress, the words beside it."""

    @classmethod
    def failed(cls, attempt: FailedAttempt) -> Event:
        """A failed attempt as an event."""
        return cls(
            attempt.queue, "dead" if attempt.buried else "failed", attempt.at, attempt.id, attempt.task,
            attempt.attempt, attempt.type, attempt.message, attempt.fingerprint, attempt.next_attempt_at,
        )  # fmt: skip


class Tail:
    """One listener, for `Client.follow`. ``failures_only``: it changes nothing on the server at all.

    ``logs``: it hears what jobs say of themselves as well.
    """

    def __init__(self, *, failures_only: bool = False, logs: bool = False) -> None:
        self.failures_only = failures_only
        self.logs = logs and not failures_only
        self._keys: dict[str, QueueKeys] = {}
        self._after: dict[str, str] = {}
        self._queue_of: dict[str, str] = {}
        self._begun_ms: int | None = None
        self._renewed: dict[str, float] = {}

    @property
    def follows(self) -> bool:
        """Whether there is a queue to follow."""
        return bool(self._after)

    def unknown(self, queues: Sequence[str]) -> list[str]:
        """Those of the queues that are not followed yet."""
        return [queue for queue in queues if queue not in self._keys]

    def add(self, queues: Sequence[QueueKeys], server_time: Any) -> None:
        """Follows more queues, from the moment on that this listener began. ``server_time``: a TIME reply."""
        if self._begun_ms is None:
            self._begun_ms = int(server_time[0]) * 1000 + int(server_time[1]) // 1000
        for keys in queues:
            self._keys[keys.queue] = keys
            for key in self._places(keys):
                self._after[key] = f"{self._begun_ms}-0"
                self._queue_of[key] = keys.queue

    def _places(self, keys: QueueKeys) -> list[str]:
        if self.failures_only:
            return [keys.failures]
        return [keys.failures, keys.events, *([keys.told_notes] if self.logs else [])]

    def renewals(self) -> list[tuple[str | int, ...]]:
        """Commands that tell the queues of this listener, when it is time."""
        if self.failures_only:
            return []
        now = monotonic()
        due = [queue for queue in self._keys if now - self._renewed.get(queue, -RENEW_S) >= RENEW_S]
        self._renewed |= dict.fromkeys(due, now)
        wishes = [wish for queue in due for wish in self._wishes(self._keys[queue])]
        return [("SET", wish, _WISH, "PX", config.LISTEN_MS) for wish in wishes]

    def _wishes(self, keys: QueueKeys) -> list[str]:
        return [keys.tail, *([keys.tail_notes] if self.logs else [])]

    def words(self, wait: timedelta) -> list[str | int]:
        """The command that waits for what comes next."""
        ms = min(max(1, to_ms(wait)), MAX_WAIT_MS)
        return ["XREAD", "COUNT", MOST, "BLOCK", ms, "STREAMS", *self._after, *self._after.values()]

    def read(self, reply: Any) -> list[Event]:
        """The events of a reply, oldest first; the next one goes on after them."""
        rows = reply.items() if isinstance(reply, dict) else reply or ()
        events = [event for key, entries in rows for event in self._events(text(key), entries)]
        return sorted(events, key=lambda event: event.at)

    def _events(self, key: str, entries: Sequence[Any]) -> Iterator[Event]:
        queue = self._queue_of[key]
        for entry in entries:
            self._after[key] = text(entry[0])
            if key == self._keys[queue].failures:
                yield Event.failed(read_failure(queue, entry))
            elif key == self._keys[queue].told_notes:
                yield _said(queue, entry)
            else:
                yield _ended(queue, entry)


def _told(entry: Any) -> tuple[datetime, str, str]:
    entry_id, fields = entry
    flat = fields if not isinstance(fields, dict) else [x for kv in fields.items() for x in kv]
    return moment(entry_ms(text(entry_id).encode())), *next(iter(pairs(flat).items()))


def _said(queue: str, entry: Any) -> Event:
    at, kind, about = _told(entry)
    job_id, task, attempt, ms, words = (about.split(" ", 4) + [""] * 4)[:5]
    told = None
    if kind == "progress":
        fraction, _, words = words.partition(" ")
        told = read_fraction(fraction)
    return Event(
        queue, kind, moment(number(ms)) if number(ms) else at, job_id, task, number(attempt) or None,
        progress=told, text=words,
    )  # fmt: skip


def _ended(queue: str, entry: Any) -> Event:
    at, state, about = _told(entry)
    name, _, rest = about.partition(" ")
    if state == "more":
        return Event(queue, name, at, count=int(rest) if rest.isdigit() else 1)
    return Event(queue, state, at, name, rest)
