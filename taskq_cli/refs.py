"""Job references from a stream: whatever our commands print can be read back.

A line is a reference (`emails/n17-0`), an id (when a queue is given), a line of text, TSV or CSV that begins
with one of these, or a JSON object with `id` and perhaps `queue`, which may stand in an array with one a
line. They may be mixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from taskq_cli.lines import TOO_LONG, Batch, read_batches
from taskq_cli.sanitize import clean
from taskq_core import JobRef, TaskqError, UsageError


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that names no job, and why."""

    line: int
    error: str


class _Named(msgspec.Struct):
    id: str = ""
    queue: str | None = None
    line: int | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


_decode: Final = msgspec.json.Decoder(_Named).decode
_EMPTY: Final = (b"", b"[]")
_QUEUES: Final = (b'{"schema":"taskq.export-queue/', b'[{"schema":"taskq.export-queue/')
"""How `taskq export` begins the settings of a queue, which are no job."""


def read_refs(queue: str | None, *, batch: int = 1_000) -> Iterator[list[JobRef | BadLine]]:
    """The references on stdin, in batches, as they arrive. Blank lines are skipped."""
    for part in read_batches(max_lines=batch):
        if found := refs_in(part, queue):
            yield found


def refs_in(part: Batch, queue: str | None) -> list[JobRef | BadLine]:
    """The references in a batch of lines. Blank lines, a CSV's header and an empty array are skipped."""
    return [
        _read(part.first + at, line, queue)
        for at, line in enumerate(part.lines)
        if line.strip() not in _EMPTY
        and not (line.startswith(b"id,") and part.first + at == 1)
        and not line.startswith(_QUEUES)
    ]


def parse_ref(text: str, queue: str | None) -> JobRef:
    """A reference from the command line. Raises: UsageError."""
    if "/" not in text and queue is None:
        raise UsageError(
            f"{clean(text)!r} does not say which queue it is in",
            hint=f"Write QUEUE/{clean(text)}, or add --queue QUEUE",
        )
    return JobRef.parse(text, queue)


def _read(number: int, line: bytes, queue: str | None) -> JobRef | BadLine:
    if line is TOO_LONG:
        return BadLine(number, "the line is too long")
    try:
        if line.lstrip().startswith((b"{", b"[{")):
            return _from_json(line.strip().removeprefix(b"[").rstrip(b",]"), queue)
        return parse_ref(line.split(maxsplit=1)[0].partition(b",")[0].decode(), queue)
    except UnicodeDecodeError:
        return BadLine(number, "not UTF-8")
    except (TaskqError, msgspec.MsgspecError, RecursionError) as error:
        return BadLine(number, clean(str(error)))


def _from_json(line: bytes, queue: str | None) -> JobRef:
    named = _decode(line)
    if not named.id:
        # what `taskq enqueue` says of a line that it refused
        reason = "it failed before" if named.line is not None else 'an object without "id"'
        raise UsageError(reason)
    return parse_ref(named.id, named.queue or queue)
