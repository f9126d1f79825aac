"""A recording as a source: one tick after the other, as fast as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

import msgspec

from taskq_cli.top.recording import Decoder, between
from taskq_cli.top.source import Tick
from taskq_core import UsageError

MOST_GAP: Final = timedelta(seconds=5)
"""A longer silence in a recording is played as this long."""
MAX_LINE: Final = 16 * 1024 * 1024


class ReplaySource:
    """Reads a file of `taskq top --record`, or of `taskq stats --watch -o ndjson`.

    Raises: UsageError for a file that cannot be read or holds no such records.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._decoder = Decoder()
        self._ticks = self._read()
        self._shown: Tick | None = None
        self._next = next(self._ticks, None)
        if self._next is None:
            self.close()
            raise UsageError(
                f"{path} holds nothing to replay",
                hint="A file of `taskq top --record FILE` or of `taskq stats --watch -o ndjson` is replayed",
            )
        self.label = self._decoder.label or path.name

    def tick(self) -> Tick | None:
        """The next one; None at the end. Raises: UsageError for a line that is none."""
        if self._next is None:
            return None
        self._shown, self._next = self._next, next(self._ticks, None)
        return self._shown

    def gap(self) -> float:
        """Seconds until the next tick is due, from when the last one was shown; 0 at the end."""
        if self._shown is None or self._next is None:
            return 0.0
        return between(self._shown.frame.at, self._next.frame.at, MOST_GAP)

    def last(self) -> Tick:
        """Reads to the end and hands out the last one."""
        for _ in iter(self.tick, None):
            pass
        assert self._shown is not None  # noqa: S101 - there is one, or this was never made
        return self._shown

    def attend(self, queues: Iterable[str]) -> None:
        """All queues are in the file anyway."""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> Iterator[Tick]:
        for number, line in enumerate(iter(lambda: self._file.readline(MAX_LINE), b""), 1):
            if not line.endswith(b"\n"):
                break  # cut off when the one who wrote it was killed
            if line.strip() and (tick := self._taken(line, number)) is not None:
                yield tick
        if (tick := self._decoder.rest()) is not None:
            yield tick

    def _taken(self, line: bytes, number: int) -> Tick | None:
        try:
            return self._decoder.take(line)
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError) as error:
            reason = f"names {error}, which is nowhere" if isinstance(error, KeyError) else str(error)
            raise UsageError(f"{self._path}, line {number}: {reason}") from None


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
