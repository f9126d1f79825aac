"""Many command lines in one folder and environment, in pipes and on terminals: each is a fork."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.processes import taskq_command
from tests.warm import Forked, Stream, shared


class Many:
    """A command runs in its folder and environment. All are forks (`tests.warm`)."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = dict(env)

    def run(
        self, *args: str, stdin: str = "", tty: bool = False, seconds: float = 0
    ) -> subprocess.CompletedProcess[str]:
        """What a command prints. ``tty``: on a terminal, where stdout holds stderr as well.

        ``seconds``: Ctrl-C comes after that; 0: it ends by itself.
        """
        said = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - closed below
        source, out, err = said
        source.write(stdin.encode("utf-8", "surrogatepass"))
        source.seek(0)
        timer = threading.Timer(seconds, lambda: process.send_signal(signal.SIGINT))
        if tty:
            process, master = self._on_terminal(args, source if stdin else None)
        else:
            process = self._start(args, said)
        if seconds:
            timer.start()
        if tty:
            out.write(_all_of(master))
        code = process.wait()
        timer.cancel()
        texts = [_text(file) for file in (out, err)]
        source.close()
        return subprocess.CompletedProcess(list(args), code, *texts)

    def _start(self, args: Sequence[str], streams: Sequence[Stream], **how: bool) -> Forked:
        argv = [taskq_command()[-1], *args]
        return shared(self._env).start(argv, env=self._env, cwd=self._folder, streams=streams, **how)

    def _on_terminal(self, args: Sequence[str], source: IO[bytes] | None) -> tuple[Forked, int]:
        master, slave = pty.openpty()
        process = self._start(args, (source or slave, slave, slave), terminal=True)
        os.close(slave)
        return process, master

    def close(self) -> None:
        """Nothing to end: what forks is shared with other tests."""


def _all_of(master: int) -> bytes:
    shown = bytearray()
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other end is closed
            data = b""
        if not data:
            os.close(master)
            return bytes(shown)
        shown += data


def _text(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode("utf-8", "replace")
