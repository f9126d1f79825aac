"""Lines from stdin, in batches: read in large pieces, never held for long, flat in memory."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINES: Final = 1_000
MAX_BYTES: Final = 4 * 1024 * 1024
MAX_LINE_BYTES: Final = 1024 * 1024 + 64 * 1024
"""The largest payload there is, and room for what stands around it."""
WAIT_S: Final = 0.1
"""How long a line may wait for others to fill its batch."""
CHUNK_BYTES: Final = 256 * 1024
TOO_LONG: Final = b"(a line longer than any job)"
"""Stands for a line that was thrown away for its length: compare by identity."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive lines without their line breaks; ``first`` is the number of the first, from 1."""

    first: int
    lines: list[bytes]


def read_batches(
    fd: int | None = None, *, max_lines: int = MAX_LINES, max_line: int = MAX_LINE_BYTES
) -> Iterator[Batch]:
    """All lines of stdin (or of the descriptor). A batch is ready when it is full, or after 100 ms.

    A line of more than ``max_line`` bytes is thrown away, and stands in the batch as `TOO_LONG`.
    """
    return LineReader(fd, max_lines=max_lines, max_line=max_line).batches()


class LineReader:
    """The lines of stdin, or of the descriptor. ``ended`` turns true after the last one."""

    def __init__(
        self, fd: int | None = None, *, max_lines: int = MAX_LINES, max_line: int = MAX_LINE_BYTES
    ) -> None:
        self.ended = False
        self._fd = sys.stdin.fileno() if fd is None else fd
        self._max_lines = max_lines
        self._max_line = max_line
        self._lines: list[bytes] = []
        self._size = 0
        self._rest = b""
        self._skipping = False
        self._next = 1
        self._since = 0.0

    def batches(self) -> Iterator[Batch]:
        """All of them; blocks until there are more."""
        while not self.ended:
            if not self._readable():
                yield from self._take(all_=True)
                continue
            self._read()
            yield from self._take(all_=self._size >= MAX_BYTES)
        yield from self._take(all_=True)

    def within(self, seconds: float | None) -> list[Batch]:
        """What arrives in that time, for who has other things to do meanwhile; None: waits for something."""
        if select.select([self._fd], [], [], seconds)[0]:
            self._read()
        return list(self._take(all_=True))

    def _read(self) -> None:
        chunk = os.read(self._fd, CHUNK_BYTES)
        if chunk:
            self._add(chunk)
            return
        self.ended = True
        if self._rest or self._skipping:
            self._append([TOO_LONG if self._skipping else self._rest])

    def _readable(self) -> bool:
        """False when the lines at hand have waited long enough."""
        left = None if not self._lines else max(0.0, self._since + WAIT_S - time.monotonic())
        return bool(select.select([self._fd], [], [], left)[0])

    def _add(self, chunk: bytes) -> None:
        parts = (self._rest + chunk).split(b"\n")
        self._rest = parts.pop()
        if self._skipping and parts:
            parts[0] = TOO_LONG
            self._skipping = False
        if self._skipping or len(self._rest) > self._max_line:
            self._skipping = True
            self._rest = b""
        self._append(parts)

    def _append(self, lines: list[bytes]) -> None:
        if lines and not self._lines:
            self._since = time.monotonic()
        self._lines += lines
        self._size += sum(map(len, lines))

    def _take(self, *, all_: bool) -> Iterator[Batch]:
        while len(self._lines) >= self._max_lines or (all_ and self._lines):
            lines, self._lines = self._lines[: self._max_lines], self._lines[self._max_lines :]
            self._size -= sum(map(len, lines))
            self._since = time.monotonic()
            batch = Batch(self._next, lines)
            self._next += len(lines)
            yield batch
