"""Our command and workers as real processes, each in a process group that is ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import NotInTime, wait_until

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "CI")


def taskq_command() -> list[str]:
    """The installed `taskq` of this Python, or the same entry point where the package is not installed."""
    script = Path(sys.executable).parent / "taskq"
    if script.exists():
        return [str(script)]
    return [sys.executable, "-m", "taskq_cli"]


def environment(home: Path, url: str | None = None, **more: str) -> dict[str, str]:
    """A clean environment: nothing of the user's taskq, a home of its own, the server at ``url``."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        env[f"XDG_{name}_HOME"] = str(home / name.lower())
    if url is not None:
        env["TASKQ_REDIS_URL"] = url
    return env | more


class Program:
    """A running process group; what it writes is kept in two files."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], folder: Path, name: str) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                list(argv),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id of its leader, which is the id of the group."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether its leader still runs."""
        return self.process.poll() is None

    @property
    def stdout(self) -> str:
        """All it has written to stdout so far."""
        return self._out.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """All it has written to stderr so far."""
        return self._err.read_text(errors="replace")

    def send(self, how: signal.Signals) -> None:
        """A signal to the leader only, as a supervisor would send it."""
        self.process.send_signal(how)

    def stop(self, timeout: float = 40.0) -> int:
        """SIGTERM to the leader; its exit code."""
        if self.running:
            self.send(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit code, once it ends. The message of a failure holds its stderr."""
        try:
            wait_until(lambda: not self.running, timeout, f"the end of {self.process.args!r}")
        except NotInTime as late:
            raise NotInTime(f"{late}\n{self.stderr[-4000:]}") from None
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL to the whole group, and waits for the leader."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
