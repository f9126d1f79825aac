"""Runs many command lines, each in a process of its own that is forked from one that has loaded them all.

`python -m tests.cli.many` reads a request a line as JSON and answers each with what the command printed. It
spares the half second that a fresh interpreter costs on a busy machine, some hundred times.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.processes import ROOT


class Many:
    """The process that forks; a command runs in its folder and environment."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.many"],
            cwd=folder,
            env=dict(env) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *args: str, stdin: str = "", tty: bool = False, seconds: float = 0
    ) -> subprocess.CompletedProcess[str]:
        """What a command prints. ``tty``: on a terminal, where stdout holds stderr as well.

        ``seconds``: Ctrl-C comes after that; 0: it ends by itself.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"args": args, "stdin": stdin, "tty": tty, "seconds": seconds}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(list(args), said["code"], said["out"], said["err"])

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=20)


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """One command, run in a fork."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("in", "out", "err")]
        files[0].write_text(asked["stdin"], encoding="utf-8", errors="surrogatepass")
        master, child = _fork(files, tty=asked["tty"])
        if child == 0:
            os._exit(_command(asked["args"]))
        shown = _watch(master, child, asked["seconds"])
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out, err = (file.read_bytes() if file.exists() else b"" for file in files[1:])
        return {
            "code": code,
            "out": (shown + out).decode("utf-8", "replace"),
            "err": err.decode("utf-8", "replace"),
        }


def _fork(files: Sequence[Path], *, tty: bool) -> tuple[int | None, int]:
    if tty:
        child, master = pty.fork()
        if child == 0:
            stdin = os.open(files[0], os.O_RDONLY)
            if os.fstat(stdin).st_size:
                os.dup2(stdin, 0)
        return master, child
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files):
            handle = os.open(file, os.O_RDWR | os.O_CREAT | (0 if number == 0 else os.O_TRUNC), 0o600)
            os.dup2(handle, number)
    return None, child


def _watch(master: int | None, child: int, seconds: float) -> bytes:
    timer = threading.Timer(seconds, os.kill, (child, signal.SIGINT)) if seconds else None
    if timer is not None:
        timer.start()
    shown = bytearray()
    while master is not None:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other end is closed
            data = b""
        if not data:
            os.close(master)
            break
        shown += data
    return bytes(shown)


def _command(args: Sequence[str]) -> int:
    from taskq_cli.app import main

    # as a fresh interpreter would have them
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: PTH123, SIM115
    sys.argv = ["taskq", *args]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        return int(ended.code or 0)


def _serve() -> None:
    from taskq_cli.reference import leaves

    list(leaves())  # imports every command
    if hurry := os.environ.get("TASKQ_TEST_DEADLINE_S"):
        _give_up_after(float(hurry))
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def _give_up_after(deadline: float) -> None:
    """No command waits longer for a server that is not there: for tests of what they say then."""
    import redis.asyncio  # noqa: F401 - here and below: what each of many commands would import

    import taskq_cli.settings_model  # noqa: F401
    from taskq_cli import session
    from taskq_cli.commands import health, top, worker

    names = ("DEADLINE_S", "STREAM_DEADLINE_S", "START_DEADLINE_S")
    for module in (session, health, top, worker):
        for name in filter(vars(module).__contains__, names):
            setattr(module, name, deadline)


if __name__ == "__main__":
    _serve()
