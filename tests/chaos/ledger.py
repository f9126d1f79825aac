"""What really happened, written down outside the server: an append-only file for each process.

A line is written with one `write` to a file opened for appending, so it survives a SIGKILL of its process
whole. It is not synced to disk: no case here cuts the power of the machine that holds the ledger.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One line. ``number`` is the producer's own number of a job, ``job`` the server's id, once it is known.

    Kinds: intent, ok, unknown, refused (of an enqueue); start, finish, raised (of a run).
    """

    at: float
    kind: str
    process: str
    number: int
    job: str = ""
    run: str = ""
    attempt: int = 0


class Ledger:
    """Writes the lines of one process; threads may share it."""

    def __init__(self, folder: Path, process: str) -> None:
        self.process = process
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._fd = os.open(folder / f"{process}.ledger", flags, 0o600)

    def note(self, kind: str, number: int, **fields: Any) -> None:
        """Appends a line."""
        line = {"at": time.time(), "kind": kind, "process": self.process, "number": number, **fields}
        os.write(self._fd, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._fd)


def read(folder: Path) -> list[Event]:
    """The events of all processes, by time."""
    return sorted(_lines(folder), key=lambda event: event.at)


def _lines(folder: Path) -> Iterator[Event]:
    for file in folder.glob("*.ledger"):
        # what stands behind the last end of a line is still being written
        for line in file.read_text().rpartition("\n")[0].splitlines():
            yield Event(**json.loads(line))
