"""A source that writes down what another one brings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from taskq_cli.top.recording import Encoder
from taskq_cli.top.source import Source, Tick
from taskq_core import UsageError


class RecordingSource:
    """Writes each tick before it is shown. When that fails the view goes on, and its label says why."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        self._encoder = Encoder()
        self._file: IO[str] | None = _created(path)
        self.label = f"{source.label} REC"
        self._write([self._encoder.head(source.label)])

    def tick(self) -> Tick | None:
        """The next one, written down. Raises: TaskqError."""
        tick = self._source.tick()
        if tick is not None:
            self._write(self._encoder.lines(tick))
        return tick

    def attend(self, queues: Iterable[str]) -> None:
        """These queues are on screen."""
        self._source.attend(queues)

    def close(self) -> None:
        """Closes both."""
        self._end()
        self._source.close()

    def _write(self, lines: Iterable[str]) -> None:
        if self._file is None:
            return
        try:
            # a tick is written whole: who reads along never sees half of one
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()
        except OSError as error:
            self.label = f"{self._source.label} (recording stopped: {error.strerror})"
            self._end()

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            # what could not be written before cannot be written now
            with contextlib.suppress(OSError):
                file.close()


def _created(path: Path) -> IO[str]:
    try:
        return path.open("x", encoding="ascii")
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="Give --record a new file") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
