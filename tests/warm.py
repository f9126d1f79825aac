"""`taskq` in processes of its own that are forked from one which has loaded all of it.

A fresh interpreter takes a quarter of a second of processor time for each command line, and the suite runs
thousands. A fork has arguments, environment, folder, standard streams, signals and an exit code of its own,
as if it had just been started. Shells that run examples get theirs by `tests/warm_shell.py`. Tests of
starting itself, of terminals and of pipelines start the real program (`subprocess` with `taskq_command()`);
with the variable `TASKQ_TEST_COLD=1` all do.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

from tests.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parent.parent
OF_THE_INTERPRETER: Final = ("PYTHON", "LC_", "LANG", "LD_")
"""Begins of the variables that an interpreter reads when it starts."""
NUMBER: Final = struct.Struct("i")
LONG_S: Final = 3600.0
Stream = int | IO[Any]
_started: list[Warm] = []


def warm(env: Mapping[str, str]) -> Warm | None:
    """The one of this test process; None where an interpreter with that environment would be another one."""
    if os.environ.get("TASKQ_TEST_COLD"):
        return None
    found = shared(env)
    return found if found.env == _of_the_interpreter(env) else None


def shared(env: Mapping[str, str]) -> Warm:
    """The one of this test process, which the first one to ask for it starts in this environment."""
    if not _started:
        _started.append(Warm(_of_the_interpreter(env) | {"PATH": os.environ["PATH"]}))
    return _started[0]


def close() -> None:
    """Ends it, if it was ever started."""
    while _started:
        _started.pop().close()


class Warm:
    """The process that forks."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = _of_the_interpreter(env)
        self._requests, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="taskq-warm-")
        self._door = str(Path(self._folder.name) / "door")
        with theirs, socket.socket(socket.AF_UNIX) as door:
            door.bind(self._door)
            door.listen(64)
            handles = (theirs.fileno(), door.fileno())
            self._process = subprocess.Popen(
                # -P: nothing is imported from where it runs
                [sys.executable, "-P", "-m", "tests.warm_start", *map(str, handles)],
                cwd=ROOT, env=dict(env), stdin=subprocess.DEVNULL, pass_fds=handles,
                start_new_session=True,
            )  # fmt: skip
        assert self._requests.recv(1), "it did not start"

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: Sequence[Stream],
        **how: bool | str,
    ) -> Forked:
        """Starts our command, which ``argv`` begins with. ``streams``: stdin, stdout and stderr.

        ``how``: ``session=True`` in a session of its own, ``terminal=True`` and with stdout as its terminal;
        ``module``: another one whose ``main`` is run.
        """
        asked = {"argv": list(argv), "env": dict(env), "cwd": str(cwd), **how}
        reports, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as request:
            request.write(json.dumps(asked).encode())
            request.seek(0)
            handles = [stream if isinstance(stream, int) else stream.fileno() for stream in streams]
            socket.send_fds(self._requests, [b"?"], [request.fileno(), theirs.fileno(), *handles])
        return Forked(argv, reports)

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Runs our command to its end, with pipes at all three ends, as `subprocess.run` does."""
        with contextlib.ExitStack() as ends:
            pipes = [os.pipe() for _ in range(3)]
            theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
            into, out, err = (
                ends.enter_context(open(pipe, mode))  # noqa: PTH123 - a number
                for pipe, mode in ((pipes[0][1], "wb"), (pipes[1][0], "rb"), (pipes[2][0], "rb"))
            )
            process = self.start(argv, env=env, cwd=cwd, streams=theirs)
            for end in theirs:
                os.close(end)
            texts = _converse(process, into, stdin.encode(), (out, err), timeout)
        return subprocess.CompletedProcess(list(argv), process.wait(timeout), *texts)

    def for_shells(self, command: Sequence[str]) -> list[str]:
        """What a shell starts instead of our command, to have it forked."""
        program = Path(__file__).with_name("warm_shell.py")
        expected = json.dumps([OF_THE_INTERPRETER, self.env])
        return [sys.executable, "-IS", str(program), self._door, expected, *command]

    def close(self) -> None:
        """Ends it, and nothing that it has forked."""
        self._requests.close()
        self._process.wait(20)
        self._folder.cleanup()


class Forked:
    """As much of a `subprocess.Popen` as tests need."""

    def __init__(self, argv: Sequence[str], reports: socket.socket) -> None:
        self.args = list(argv)
        self.returncode: int | None = None
        self._reports = reports
        self.pid = NUMBER.unpack(reports.recv(NUMBER.size))[0]

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                self.returncode = NUMBER.unpack(self._reports.recv(NUMBER.size, socket.MSG_DONTWAIT))[0]
                self._reports.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        wait_until(lambda: self.poll() is not None, timeout or LONG_S, f"the end of {self.args}")
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """A signal to it alone, while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to it alone."""
        self.send_signal(signal.SIGKILL)


def _of_the_interpreter(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(OF_THE_INTERPRETER)}


def _converse(
    process: Forked, into: IO[bytes], text: bytes, outs: Sequence[IO[bytes]], timeout: float
) -> list[str]:
    """What is printed, while the text is fed."""
    with ThreadPoolExecutor(1 + len(outs)) as all_at_once:
        all_at_once.submit(_feed, into, text)
        said = [all_at_once.submit(out.read) for out in outs]
        try:
            return [part.result(timeout).decode().replace("\r\n", "\n").replace("\r", "\n") for part in said]
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            raise


def _feed(into: IO[bytes], text: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        into.write(text)
    with contextlib.suppress(BrokenPipeError):
        into.close()
