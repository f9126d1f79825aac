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


def read_batches(fd: int | None = None, *, max_lines: int = MAX_LINES) -> Iterator[Batch]:
    """All lines of stdin (or of the descriptor). A batch is ready when it is full, or after 100 ms."""
    return _Reader(sys.stdin.fileno() if fd is None else fd, max_lines).batches()


class _Reader:
    def __init__(self, fd: int, max_lines: int) -> None:
        self._fd = fd
        self._max_lines = max_lines
        self._lines: list[bytes] = []
        self._size = 0
        self._rest = b""
        self._skipping = False
        self._next = 1
        self._since = 0.0

    def batches(self) -> Iterator[Batch]:
        while True:
            if not self._readable():
                yield from self._take(all_=True)
                continue
            chunk = os.read(self._fd, CHUNK_BYTES)
            if not chunk:
                break
            self._add(chunk)
            yield from self._take(all_=self._size >= MAX_BYTES)
        if self._rest or self._skipping:
            self._append([TOO_LONG if self._skipping else self._rest])
        yield from self._take(all_=True)

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
        if self._skipping or len(self._rest) > MAX_LINE_BYTES:
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
