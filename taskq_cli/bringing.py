"""`taskq import`: lines in batches, jobs by queue, what became of each on stdout or stderr.

What is sent is also printed: an interrupt between the two waits. A server that refuses or goes away
ends it; what was imported until then stays, and is passed over when the import is repeated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from taskq_cli.archive import QueueSettings, read_line
from taskq_cli.exit_codes import ExitCode, code_of
from taskq_cli.interrupts import whole_step
from taskq_cli.lines import TOO_LONG, Batch
from taskq_cli.sanitize import clean
from taskq_cli.schedule_lines import ScheduleLine
from taskq_cli.session import Session
from taskq_cli.views import change_record
from taskq_core import Change, Client, JobDetail, Refused, TaskqError, UsageError, check_import

Item = tuple[int, JobDetail]
"""A job and the number of its line."""


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    imported: int = 0
    known: int = 0
    taken: int = 0
    bad: int = 0
    settings: int = 0
    settings_left: int = 0
    schedules: int = 0
    schedules_left: int = 0
    ended_by: TaskqError | None = None

    def summary(self, *, dry_run: bool = False) -> str:
        """One line for stderr."""
        parts = [f"would import {self.imported} jobs" if dry_run else f"{self.imported} imported"]
        for count, words in (
            (self.known, "here already"),
            (self.taken, "not imported, for another job has the id"),
            (self.bad, "wrong lines"),
            (self.settings, "queues set"),
            (self.settings_left, "queues not set (--settings does it)"),
            (self.schedules, "schedules added"),
            (self.schedules_left, "schedules not added (--settings does it)"),
        ):
            if count:
                parts.append(f"{count} {words}")
        if self.ended_by is not None:
            parts.append("the rest was not read")
        return ", ".join(parts)

    def exit_code(self) -> ExitCode:
        """Done, failed for one reason, or partly failed. What was here already is no failure."""
        if not (self.bad or self.taken or self.ended_by):
            return ExitCode.DONE
        if self.imported or self.known or (self.bad and self.taken):
            return ExitCode.PARTLY
        if self.ended_by is not None:
            return code_of(self.ended_by)
        return ExitCode.USAGE if self.bad else ExitCode.REFUSED


@dataclass(slots=True)
class Import:
    """One import. ``client`` None: the lines are only checked. ``settings``: those of queues are applied."""

    session: Session
    client: Client | None
    settings: bool
    tally: Tally = field(default_factory=Tally)

    def run(self, batches: Iterable[Batch]) -> None:
        """Reads to the end, or to the first error that ends it."""
        for batch in batches:
            with whole_step():
                self._take(batch)
                sys.stdout.flush()
            if self.tally.ended_by is not None:
                return

    def _take(self, batch: Batch) -> None:
        queues: dict[str, list[Item]] = {}
        for number, line in enumerate(batch.lines, batch.first):
            if not line.strip():
                continue
            try:
                found = self._read(line)
            except UsageError as error:
                self._complain(number, error)
                continue
            if isinstance(found, QueueSettings | ScheduleLine):
                self._set(number, found)
            else:
                queues.setdefault(found.ref.queue, []).append((number, found))
            if self.tally.ended_by is not None:
                return
        for queue, items in queues.items():
            if self.tally.ended_by is None:
                self._send(queue, items)

    def _read(self, line: bytes) -> JobDetail | QueueSettings | ScheduleLine:
        if line is TOO_LONG:
            raise UsageError("the line is too long")
        # one job a line, also in the array of `-o json`
        found = read_line(line.strip().removeprefix(b"[").rstrip(b",]"))
        if isinstance(found, JobDetail):
            check_import(found)
        return found

    def _complain(self, number: int, error: TaskqError) -> None:
        self.tally.bad += 1
        sys.stderr.write(f"taskq: line {number}: {clean(str(error), 300)}\n")

    def _set(self, number: int, found: QueueSettings | ScheduleLine) -> None:
        if not self.settings:
            self.tally.settings_left += isinstance(found, QueueSettings)
            self.tally.schedules_left += isinstance(found, ScheduleLine)
            return
        if self.client is None:
            return
        try:
            if isinstance(found, ScheduleLine):
                self._add(self.client, number, found)
                return
            self.client.configure(found.queue, **found.limits)
            if found.paused:
                self.client.pause(found.queue)
            self.tally.settings += 1
        except UsageError as error:
            self._complain(number, error)
        except TaskqError as error:
            self.tally.ended_by = error

    def _add(self, client: Client, number: int, found: ScheduleLine) -> None:
        if found.code:
            return
        try:
            client.schedules.add(found.ref.queue, found.schedule, paused=found.paused)
            self.tally.schedules += 1
        except Refused as error:
            self._complain(number, error)

    def _send(self, queue: str, items: Sequence[Item]) -> None:
        if self.client is None:
            self.tally.imported += len(items)
            return
        try:
            changes = self.client.import_jobs(queue, [job for _, job in items])
        except TaskqError as error:
            self.tally.ended_by = error
            return
        for (number, _), change in zip(items, changes, strict=True):
            self._report(number, change)

    def _report(self, number: int, change: Change) -> None:
        if change.done or self.session.shared.output in ("json", "ndjson"):
            self.session.output.write(change_record(change, "import"))
        if change.done:
            self.tally.imported += 1
        elif change.found == "known":
            self.tally.known += 1
        else:
            self.tally.taken += 1
            sys.stderr.write(f"taskq: line {number}: {change.ref}: another job has this id\n")
