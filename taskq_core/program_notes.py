"""How a program tells its progress: lines that it writes into the file that ``TASKQ_NOTES`` names.

    echo "progress 40% half of the pages" >"$TASKQ_NOTES"
    echo "fetched 300 rows" >"$TASKQ_NOTES"

A line ``progress N words``, with N from 0 to 1 or a percentage, is a progress; any other is a line of the
job's log. The file is a pipe that only this run of the program has.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import Final

from taskq_core import config
from taskq_core.claimed import Job

_PROGRESS: Final = re.compile(r"progress[ \t]+([0-9]*\.?[0-9]+)(%?)(?:[ \t]+(.*))?")
_CHUNK_BYTES: Final = 64 * 1024
_LAST_READS: Final = 4
"""Pieces read at the end: a pipe holds one, and one of the group may go on writing."""


class NotesPipe:
    """The pipe of one run. ``path`` is its name in the program, which inherits ``inherited``."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reads, self.inherited = os.pipe()
        self.path = f"/dev/fd/{self.inherited}"
        self._rest = b""
        self._open = True

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to read, when the program was started."""
        os.close(self.inherited)
        os.set_blocking(self._reads, False)
        self._loop = loop
        loop.add_reader(self._reads, self._read)

    def abandon(self) -> None:
        """Lets go of both ends: the program did not start."""
        os.close(self.inherited)
        os.close(self._reads)

    def close(self) -> None:
        """Reads what is left, and lets go of it."""
        for _ in range(_LAST_READS):
            if not self._open or not self._read():
                break
        if self._rest:
            self._take(self._rest.split(b"\n"))
        self._shut()

    def _read(self) -> bool:
        try:
            data = os.read(self._reads, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._shut()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > config.NOTES_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        if lines:
            self._take(lines)
        return True

    def _take(self, lines: list[bytes]) -> None:
        plain: list[str] = []
        for line in lines:
            said = line.decode(errors="replace").removesuffix("\r")
            match = _PROGRESS.fullmatch(said)
            if match is None:
                plain.append(said)
            else:
                self._job.progress(float(match[1]) / (100 if match[2] else 1), match[3] or "")
        if plain:
            self._job.log("\n".join(plain))

    def _shut(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._reads)
            os.close(self._reads)
