"""Our command and workers as real processes, each in a process group that is ended as a whole."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.waiting import NotInTime, wait_until
from tests.warm import ROOT as ROOT
from tests.warm import Forked, warm

Process = subprocess.Popen[bytes] | Forked
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "CI")


def taskq_command() -> list[str]:
    """The installed `taskq` of this Python, or the same entry point where the package is not installed."""
    script = Path(sys.executable).parent / "taskq"
    if script.exists():
        return [str(script)]
    return [sys.executable, "-m", "taskq_cli"]


def with_command(env: Mapping[str, str], folder: Path, *, forks: bool = False) -> dict[str, str]:
    """The environment, in which `taskq` is a command of its shells: a program in a new ``folder``.

    ``forks``: it is forked (`tests.warm`): for shells whose jobs no terminal and no signal to a group ends.
    """
    folder.mkdir()
    program = folder / "taskq"
    command = taskq_command()
    if forks and len(command) == 1 and sys.platform == "linux" and (forking := warm(env)):
        command = forking.for_shells(command)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)
    return {**env, "PATH": f"{folder}:{env['PATH']}"}


def environment(home: Path, url: str | None = None, **more: str) -> dict[str, str]:
    """A clean environment: nothing of the user's taskq, a home of its own, the server at ``url``."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        env[f"XDG_{name}_HOME"] = str(home / name.lower())
    if url is not None:
        env["TASKQ_REDIS_URL"] = url
    return env | more


def run_taskq(
    args: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str = "", timeout: float = 100
) -> subprocess.CompletedProcess[str]:
    """One `taskq` command, run to its end: exit code, stdout and stderr, as a pipeline sees them."""
    command = taskq_command()
    if forks := warm(env):
        return forks.run([command[-1], *args], env=env, cwd=cwd, stdin=stdin, timeout=timeout)
    return subprocess.run(
        [*command, *args], cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip


def _start(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, outs: Sequence[IO[bytes]]) -> Process:
    command = taskq_command()
    if list(argv[: len(command)]) == command and (forks := warm(env)):
        words = argv[len(command) - 1 :]
        with Path(os.devnull).open("rb") as nothing:
            return forks.start(words, env=env, cwd=cwd, streams=(nothing, *outs), session=True)
    out, err = outs
    return subprocess.Popen(
        list(argv), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        start_new_session=True,
    )  # fmt: skip


class Program:
    """A running process group; what it writes is kept in two files."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], folder: Path, name: str) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = _start(argv, env=env, cwd=folder, outs=(out, err))

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
        return int(self.process.returncode or 0)

    def kill(self) -> None:
        """SIGKILL to the whole group, and waits for the leader."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
