"""What is said of jobs that are awaited: a record of each that has ended, and what went badly."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from taskq_cli.durations import format_duration
from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import View
from taskq_cli.waiting import Waiter
from taskq_core import JobRef, Standing, TaskqError

EXPLAINED: Final = 5
"""Dead jobs whose error is told; of more, `taskq jobs --state dead` tells."""

ENDED: Final = View(
    schema="taskq.ended/1",
    fields=("schema", "id", "queue", "state"),
    columns=("id", "state"),
    line=lambda record: f"{clean(record['id'])} {record['state']}",
    stream=True,
)


def ended_record(ref: JobRef, standing: Standing) -> dict[str, Any]:
    """How a job ended, as a record of `ENDED`."""
    return {"schema": ENDED.schema, "id": str(ref), "queue": ref.queue, "state": str(standing)}


@dataclass(slots=True)
class Notices:
    """Tells on stderr of what went badly. ``printed``: each job that has ended is on stdout as well."""

    session: Session
    printed: bool = True
    explained: int = 0

    def __call__(self, ref: JobRef, standing: Standing) -> None:
        """Reports one job."""
        if standing is Standing.UNKNOWN:
            complain(f"no job {ref}", "Its queue has made no such id: is it of another server or namespace?")
            return
        if self.printed:
            self.session.output.write(ended_record(ref, standing))
        if standing is Standing.DEAD and self.explained < EXPLAINED:
            self.explained += 1
            self._explain(ref)

    def _explain(self, ref: JobRef) -> None:
        try:
            error = self.session.client.inspect(ref).error
        except TaskqError:
            return  # deleted since: that it died is known
        if error is not None:
            self.session.narrate(f"{ref} died of {error.type}: {error.message}")


class Following:
    """`--wait` of a command that prints ids: waits for their jobs, and says on stderr how they ended.

    ``limit`` counts from the moment that `finish` is called; `timedelta.max` is no limit.
    """

    def __init__(self, session: Session, limit: timedelta) -> None:
        self._session = session
        self._limit = None if limit == timedelta.max else limit
        self._waiter = Waiter(session.client, Notices(session, printed=False))

    def add(self, refs: Iterable[JobRef]) -> None:
        """Awaits these as well; returns when there is room for more."""
        self._waiter.add(refs)
        self._waiter.look()
        while self._waiter.full:
            self._waiter.pause(None)
            self._waiter.look()

    def finish(self) -> ExitCode:
        """Waits for all of them; the exit code says how they ended."""
        end = None if self._limit is None else time.monotonic() + self._limit.total_seconds()
        tally = self._waiter.tally
        try:
            self._waiter.wait(end)
        finally:
            self._session.narrate(tally.summary())
        code = tally.exit_code()
        if code is ExitCode.PENDING:
            complain_of_pending(tally.pending, self._limit)
        return code


def complain_of_pending(pending: int, limit: timedelta | None) -> None:
    """The error of a time-out."""
    jobs = "1 job is" if pending == 1 else f"{pending} jobs are"
    after = "" if limit is None else f" after {format_duration(limit.total_seconds())}"
    complain(f"{jobs} still pending{after}", "`taskq why ID` tells what a job waits for")
