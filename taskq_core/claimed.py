"""A claimed job, as the worker holds it and a handler sees it."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any, Final, SupportsFloat

import msgspec

from taskq_core.clock import moment
from taskq_core.codec import PLAIN, Meta, decode_json, decode_payload
from taskq_core.job import Priority
from taskq_core.keys import stream_id
from taskq_core.names import JobRef
from taskq_core.notebook import Notebook
from taskq_core.notes import JobNotes

_opening: Final = threading.Lock()


class Job(msgspec.Struct, gc=False, eq=False):
    """One run of a job. Handlers read, and say how far they are; fields with raw bytes are the worker's own.

    ``stream`` names its stream ("n", or a tenant's, "n@acme"), ``entry`` is its id there, ``deliveries`` how
    often it was handed to a worker without coming back, ``home`` the tenure that claimed it, ``took_us`` how
    long this run took, once it is over, in µs.
    """

    queue: str
    stream: str
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
    notebook: Notebook | None = None

    @property
    def id(self) -> str:
        """The id, the same over all attempts."""
        return self.meta.id or stream_id(self.stream, self.entry.decode())

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
        return Priority.of_letter(self.stream[0])

    @property
    def tenant(self) -> str | None:
        """Whose it is, where the queue has tenants."""
        return self.stream[2:] or None

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
    def group(self) -> str | None:
        """The id of the group that it is a member of; None for other jobs."""
        return self.meta.group or None

    @property
    def completes(self) -> str | None:
        """The id of the group whose callback it is; None for other jobs."""
        return self.meta.completes or None

    @property
    def previous(self) -> Any:
        """In a chain, what the job before it returned, out of JSON; None for the first one."""
        return decode_json(self.meta.previous) if self.meta.previous else None

    @property
    def after(self) -> JobRef | None:
        """In a chain, the job before it; None for the first one."""
        return JobRef(self.queue, self.meta.after) if self.meta.after else None

    @property
    def enqueued_at(self) -> datetime:
        """When it was enqueued, by the server's clock."""
        return moment(entry_ms(self.meta.id[1:].encode() if self.meta.id else self.entry))

    def progress(self, fraction: SupportsFloat, note: object = "") -> None:
        """Says how far this run is, from 0 to 1, with a few words beside it: up to 200 bytes.

        Never waits and never fails for a server that is away: the worker sends the latest one within half a
        second. Safe to call from any thread, as often as one likes. Numbers beyond 0 and 1 count as those,
        and NaN as nothing said. Raises: InvalidOption for what is no number.
        """
        self._open_notebook().progress(fraction, note)
        self._say()

    def log(self, text: object) -> None:
        """Adds lines to the job's log: its last 100 are kept, up to 2 KB each and 64 KB in all.

        As `progress`, it never waits, and never fails for the server. Longer lines are cut; what is no text
        becomes text by ``str()``.
        """
        self._open_notebook().log(text)
        self._say()

    @property
    def notes(self) -> JobNotes:
        """What this run has said of itself so far, with its last lines."""
        return JobNotes(attempt=self.attempt) if self.notebook is None else self.notebook.notes(self.attempt)

    def _open_notebook(self) -> Notebook:
        if self.notebook is None:
            with _opening:  # threads of one handler
                if self.notebook is None:
                    self.notebook = Notebook()
        return self.notebook

    def _say(self) -> None:
        if self.home is not None:  # None: made by hand, in a test
            self.home.noted[id(self)] = self


def entry_ms(entry: bytes) -> int:
    """The milliseconds since 1970 in a stream entry id."""
    return int(entry[: entry.index(b"-")])
