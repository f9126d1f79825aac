"""`taskq enqueue -`: jobs from stdin in bounded batches, an answer for every line, in order.

1. A batch is sent as it is. When something in it is wrong, its halves are sent, and so on down to the
   wrong line: the right ones around it go through.
2. What is sent is also printed: an interrupt between the two waits.
3. A server that refuses or goes away ends the stream; the lines of that batch are answered with it.
4. A queue that is full is waited for, where that is asked for, and nothing is read meanwhile. An interrupt
   ends the wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from taskq_cli.exit_codes import ExitCode, code_of
from taskq_cli.interrupts import whole_step
from taskq_cli.job_line import LineParser
from taskq_cli.jsontext import ascii_json
from taskq_cli.lines import TOO_LONG, Batch
from taskq_cli.render import JsonWriter, LineWriter, Writer
from taskq_cli.sanitize import clean
from taskq_cli.views import receipt_record
from taskq_core import (
    Client,
    JobOptions,
    NewJob,
    NotDurable,
    QueueFull,
    Receipt,
    Refused,
    TaskqError,
    UsageError,
    check_payload,
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line of which no job was made."""

    line: int
    error: str


Answer = Receipt | Rejected
Item = tuple[int, NewJob]
"""A job and the number of its line."""


class Source(Protocol):
    """What the lines of a stream mean."""

    def at_once(self, lines: Sequence[bytes]) -> Sequence[Receipt] | None:
        """Sends all lines in one call, or None where that is no use. Raises: UsageError for a wrong line."""

    def read(self, line: bytes) -> tuple[str, NewJob]:
        """The queue and the job of a line; its payload is not looked at. Raises: UsageError."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """Lines are payloads of one task."""

    client: Client | None
    queue: str
    task: str
    options: JobOptions
    durable: bool = False
    wait_for_room: timedelta | None = None

    def at_once(self, lines: Sequence[bytes]) -> Sequence[Receipt] | None:
        """All of them: the fast way."""
        if self.client is None:
            return None
        return self.client.enqueue_many(
            self.queue,
            self.task,
            lines,
            self.options,
            durable=self.durable,
            wait_for_room=self.wait_for_room,
        )

    def read(self, line: bytes) -> tuple[str, NewJob]:
        """The line as a job."""
        return self.queue, NewJob(self.task, line, self.options)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Lines are jobs with a task, a queue and options of their own."""

    client: Client | None
    parser: LineParser

    def at_once(self, lines: Sequence[bytes]) -> Sequence[Receipt] | None:
        """All of them, when they are of one kind, as most streams are."""
        if self.client is None:
            return None
        parsed = [self.parser.parse(line) for line in lines]
        kind, defaults = parsed[0][0], self.parser.defaults
        if kind.options.unique is not None or any(other is not kind for other, _ in parsed):
            return None
        return self.client.enqueue_many(
            kind.queue,
            kind.task,
            [payload for _, payload in parsed],
            kind.options,
            durable=defaults.durable,
            wait_for_room=defaults.wait_for_room,
        )

    def read(self, line: bytes) -> tuple[str, NewJob]:
        """The job that the line spells out."""
        kind, payload = self.parser.parse(line)
        return kind.queue, NewJob(kind.task, payload, kind.options)


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    added: int = 0
    changed: int = 0
    duplicates: int = 0
    rejected: int = 0
    first_error: Rejected | None = None
    ended_by: TaskqError | None = None

    def count(self, answers: Sequence[Answer]) -> None:
        """Adds the answers of a batch."""
        for answer in answers:
            if isinstance(answer, Rejected):
                self.rejected += 1
                self.first_error = self.first_error or answer
            elif answer.duplicate:
                self.duplicates += 1
            elif answer.added:
                self.added += 1
            else:
                self.changed += 1

    def summary(self) -> str:
        """One line for stderr."""
        parts = [f"{self.added} enqueued"]
        if self.changed:
            parts.append(f"{self.changed} postponed or replaced")
        if self.duplicates:
            parts.append(f"{self.duplicates} duplicates")
        if self.first_error is not None:
            parts.append(f"{self.rejected} refused (line {self.first_error.line}: {self.first_error.error})")
        if self.ended_by is not None:
            parts.append("the rest was not read")
        return ", ".join(parts)

    def exit_code(self) -> ExitCode:
        """Done, failed for one reason, or partly failed."""
        if not (self.rejected or self.duplicates or self.ended_by):
            return ExitCode.DONE
        if self.added or self.changed:
            return ExitCode.PARTLY
        if self.ended_by is not None:
            return code_of(self.ended_by)
        return ExitCode.USAGE if self.rejected else ExitCode.REFUSED


@dataclass(slots=True)
class JobStream:
    """Sends what it reads and answers each line on stdout. ``client`` None: only checks the lines.

    ``follow`` gets the answers of each batch once they are printed.
    """

    source: Source
    client: Client | None
    writer: Writer | None
    stop_on_error: bool = False
    durable: bool = False
    wait_for_room: timedelta | None = None
    follow: Callable[[Sequence[Answer]], None] | None = None
    tally: Tally = field(default_factory=Tally)

    def run(self, batches: Iterable[Batch]) -> None:
        """Reads to the end, or to the first error that ends the stream."""
        for batch in batches:
            with whole_step() as rest:
                if self.client is not None:
                    self.client.rest = rest
                answers = self._answers(batch)
                self._print(answers)
                self.tally.count(answers)
            if self.follow is not None:
                self.follow(answers)
            if self.tally.ended_by is not None:
                break

    # -- answering --------------------------------------------------------------------------

    def _answers(self, batch: Batch) -> Sequence[Answer]:
        try:
            receipts = self.source.at_once(batch.lines)
        except UsageError:
            receipts = None
        except TaskqError as error:
            lines = [(at, line) for at, line in enumerate(batch.lines, batch.first) if line.strip()]
            return self._end(error, lines)
        return self._by_line(batch) if receipts is None else receipts

    def _by_line(self, batch: Batch) -> list[Answer]:
        answers: dict[int, Answer] = {}
        queues: dict[str, list[Item]] = {}
        halt: TaskqError | None = None
        for number, line in enumerate(batch.lines, batch.first):
            try:
                if line.strip():
                    queue, job = self._read(line)
                    queues.setdefault(queue, []).append((number, job))
            except UsageError as error:
                answers[number] = Rejected(number, clean(str(error)))
                if self.stop_on_error:
                    halt = error
                    break
        for queue, items in queues.items():
            numbers = [number for number, _ in items]
            answers.update(zip(numbers, self._send(queue, items), strict=True))
        self.tally.ended_by = self.tally.ended_by or halt
        return [answers[number] for number in sorted(answers)]

    def _read(self, line: bytes) -> tuple[str, NewJob]:
        if line is TOO_LONG:
            raise UsageError("the line is too long")
        queue, job = self.source.read(line)
        if self.stop_on_error or self.client is None:
            check_payload(job.payload)  # now, so that nothing after it is sent
        return queue, job

    def _send(self, queue: str, items: list[Item]) -> Sequence[Answer]:
        if self.client is None:
            return [Receipt(queue, "") for _ in items]
        if self.tally.ended_by is not None:
            return _all_rejected(self.tally.ended_by, items)
        try:
            return self.client.enqueue_jobs(
                queue, [job for _, job in items], durable=self.durable, wait_for_room=self.wait_for_room
            )
        except UsageError as error:
            if len(items) == 1:
                return [Rejected(items[0][0], clean(str(error)))]
            return self._in_halves(queue, items)
        except QueueFull as error:
            if self.wait_for_room is not None and 0 < error.limit < len(items):
                return self._in_halves(queue, items)
            return self._end(error, items)
        except TaskqError as error:
            return self._end(error, items)

    def _in_halves(self, queue: str, items: list[Item]) -> Sequence[Answer]:
        middle = len(items) // 2
        return [*self._send(queue, items[:middle]), *self._send(queue, items[middle:])]

    def _end(self, error: TaskqError, items: Sequence[tuple[int, object]]) -> list[Answer]:
        self.tally.ended_by = error
        # what is not known to be durable is enqueued all the same, and so is what there was room for
        made: Sequence[Receipt] = error.receipts if isinstance(error, (NotDurable, Refused)) else ()
        return [*made, *_all_rejected(error, items[len(made) :])]

    # -- printing ---------------------------------------------------------------------------

    def _print(self, answers: Sequence[Answer]) -> None:
        if isinstance(self.writer, LineWriter):
            sys.stdout.write("".join([f"{_line(answer)}\n" for answer in answers]))
        elif self.writer is not None:
            for answer in answers:
                self._write(self.writer, answer)
        elif self.writer is None:
            rejected = [answer for answer in answers if isinstance(answer, Rejected)]
            sys.stdout.write("".join(f"{_line(answer)}\n" for answer in rejected))
        sys.stdout.flush()

    def _write(self, writer: Writer, answer: Answer) -> None:
        if isinstance(answer, Receipt):
            writer.write(receipt_record(answer))
        elif isinstance(writer, JsonWriter):
            writer.write(_rejection(answer))
        else:
            sys.stdout.write(f"{_line(answer)}\n")


def _all_rejected(error: TaskqError, items: Sequence[tuple[int, object]]) -> list[Answer]:
    return [Rejected(number, clean(str(error))) for number, _ in items]


def _line(answer: Answer) -> str:
    if isinstance(answer, Receipt):
        return f"{answer.queue}/{answer.id}"
    return ascii_json(_rejection(answer))


def _rejection(answer: Rejected) -> dict[str, object]:
    return {"line": answer.line, "error": answer.error}
