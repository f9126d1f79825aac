"""A claimed job, as the worker holds it and a handler sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from taskq_core.clock import moment
from taskq_core.codec import PLAIN, Meta, decode_payload
from taskq_core.job import Priority
from taskq_core.keys import LEVELS
from taskq_core.names import JobRef


class Job(msgspec.Struct, gc=False, eq=False):
    """One run of a job. Handlers read; the fields with raw bytes are the worker's own.

    ``level`` is the index of its stream, ``entry`` its entry id there, ``deliveries`` how often it
    was handed to a worker without coming back, ``home`` the tenure that claimed it, ``took_us`` how long
    this run took, once it is over, in µs.
    """

    queue: str
    level: int
    entry: bytes
    raw_task: bytes
    raw: bytes
    meta: Meta = PLAIN
    deliveries: int = 1
    home: Any = None
    handler: Any = None
    _payload: dict[str, Any] | None = None
    took_us: int = -1
    timed_out: bool = False

    @property
    def id(self) -> str:
        """The id, the same over all attempts."""
        return self.meta.id or LEVELS[self.level] + self.entry.decode()

    @property
    def ref(self) -> JobRef:
        """The full reference."""
        return JobRef(self.queue, self.id)

    @property
    def task(self) -> str:
        """The task's name."""
        return self.raw_task.decode(errors="replace")

    @property
    def payload(self) -> dict[str, Any]:
        """The payload, decoded once. Raises: InvalidPayload."""
        if self._payload is None:
            self._payload = decode_payload(self.raw)
        return self._payload

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1. A run whose worker crashed counts as an attempt."""
        return self.meta.attempts + self.deliveries

    @property
    def priority(self) -> Priority:
        """Its level."""
        return Priority.of_letter(LEVELS[self.level])

    @property
    def due(self) -> datetime | None:
        """The time of the timetable that a schedule made this job for; None for other jobs.

        The same in each attempt, however late it runs.
        """
        return None if self.meta.due is None else moment(self.meta.due)

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that made it; None for other jobs."""
        return self.meta.schedule or None

    @property
    def enqueued_at(self) -> datetime:
        """When it was enqueued, by the server's clock."""
        return moment(entry_ms(self.meta.id[1:].encode() if self.meta.id else self.entry))


def entry_ms(entry: bytes) -> int:
    """The milliseconds since 1970 in a stream entry id."""
    return int(entry[: entry.index(b"-")])
