"""What worker and producer processes write down for the process that measures: files in one folder.

A count must cost the job next to nothing, so each worker process keeps one in shared memory; what is
looked at one by one is appended to a file, a whole record in one write.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TALLY: Final = struct.Struct("<Qdd")
_PAIR: Final = struct.Struct("<dd")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs ran, and when the first and the last of them did (seconds since 1970)."""

    count: int
    first: float
    last: float

    @property
    def per_second(self) -> float:
        """Jobs a second from the first to the last; 0 when there is no stretch of time."""
        return (self.count - 1) / (self.last - self.first) if self.last > self.first else 0.0


def counter(folder: Path) -> Callable[[], None]:
    """A function to be called by each job of this process, from any thread."""
    # two threads may both be the first to ask: each gets a counter that counts
    path = folder / f"count-{secrets.token_hex(8)}"
    path.write_bytes(bytes(_TALLY.size))
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), _TALLY.size)
    lock = threading.Lock()
    count, first = 0, 0.0

    def hit() -> None:
        nonlocal count, first
        with lock:
            now = time.time()
            first = first or now
            count += 1
            _TALLY.pack_into(shared, 0, count, first, now)

    return hit


def tally(folder: Path) -> Tally:
    """What all processes have counted so far."""
    read = (file.read_bytes() for file in folder.glob("count-*"))
    # a file that is being made is empty for a moment
    rows = [row for data in read if len(data) == _TALLY.size and (row := _TALLY.unpack(data))[0]]
    if not rows:
        return Tally(0, 0.0, 0.0)
    return Tally(sum(row[0] for row in rows), min(row[1] for row in rows), max(row[2] for row in rows))


class Journal:
    """Appends records to a file that several processes and threads may share."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def pair(self, sent: float, seen: float) -> None:
        """When something was sent and when it was seen."""
        os.write(self._file, _PAIR.pack(sent, seen))

    def lines(self, ids: list[str]) -> None:
        """Ids, one a line."""
        os.write(self._file, "".join(f"{job_id}\n" for job_id in ids).encode())


def pairs(folder: Path, name: str) -> list[tuple[float, float]]:
    """The pairs written so far."""
    path = folder / name
    data = path.read_bytes() if path.exists() else b""
    return list(_PAIR.iter_unpack(data[: len(data) // _PAIR.size * _PAIR.size]))


def ids(folder: Path, name: str) -> list[str]:
    """The ids written so far."""
    path = folder / name
    return path.read_text().split() if path.exists() else []
