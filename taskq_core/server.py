"""The local server: a Valkey of the user's own on a unix socket, started when it is needed.

1. One folder holds its data, its log and its lock; the folder is the server's identity.
2. The lock is an flock that the server process inherits. While it is held, a server runs or is
   starting; when it is free, none does. So two servers never share a folder, a crash frees the lock
   by itself, and of thirty racing commands exactly one starts a server.
3. Every write is on disk before it is acknowledged: after SIGKILL the next start has all jobs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from taskq_core.errors import ServerUnreachable, TaskqError
from taskq_core.server_binary import find_server
from taskq_core.server_socket import ask, info

START_TIMEOUT_S: Final = 15.0
"""How long a starting server may give no sign of life. One that loads its jobs gives signs."""
STOP_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.01
MAX_SOCKET_PATH: Final = 100
"""Bytes. A unix socket's path ends at 104 (macOS) or 108 (Linux)."""
MAX_LOG_BYTES: Final = 1024 * 1024
_SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 - TMPDIR differs between shells; a socket must not


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """The local server as it stands. ``pid``, ``version`` and ``started_s`` only while it runs."""

    running: bool
    url: str
    folder: Path
    data_bytes: int
    pid: int | None = None
    kind: str | None = None
    version: str | None = None
    uptime_s: int | None = None
    memory_bytes: int | None = None


class LocalServer:
    """The user's own server in one folder; several objects and processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or _state_folder()).absolute()
        self.socket = _socket_path(self.folder)
        self._lock = self.folder / "server.lock"
        self._log = self.folder / "server.log"

    @property
    def url(self) -> str:
        """The address to give to a client."""
        return f"unix://{quote(str(self.socket))}"

    def ensure(self) -> bool:
        """Returns when the server answers; True when this call started it.

        Raises: ServerMissing; TaskqError when it does not start; ServerUnreachable when one runs
        and does not answer.
        """
        started = False
        deadline = time.monotonic() + START_TIMEOUT_S
        while (reply := ask(self.socket, "PING")) != b"+PONG":
            started = self._start_if_free(started=started)
            if reply is not None:  # it loads its jobs
                deadline = time.monotonic() + START_TIMEOUT_S
            if time.monotonic() > deadline:
                raise ServerUnreachable(
                    "the local server runs but does not answer",
                    hint=f"See {self._log}, or stop it: taskq server stop",
                )
            time.sleep(POLL_S)
        return started

    def stop(self) -> bool:
        """Ends the server and returns when it is gone; False when none ran. No job is lost."""
        if not self._alive():
            return False
        deadline = time.monotonic() + STOP_TIMEOUT_S
        if ask(self.socket, "PING") is None:
            self._terminate()
        else:
            ask(self.socket, "SHUTDOWN")
        while self._alive():
            if time.monotonic() > deadline:
                raise ServerUnreachable(
                    "the local server does not end", hint=f"See {self._log}, or kill process {self._pid()}"
                )
            time.sleep(POLL_S)
        return True

    def status(self) -> LocalStatus:
        """What runs in the folder, and how much it keeps there."""
        size = _size(self.folder)
        if not self._alive():
            return LocalStatus(running=False, url=self.url, folder=self.folder, data_bytes=size)
        server = info(self.socket, "server")
        memory = info(self.socket, "memory")
        version = server.get("valkey_version") or server.get("redis_version")
        return LocalStatus(
            running=True,
            url=self.url,
            folder=self.folder,
            data_bytes=size,
            pid=_number(server.get("process_id")) or self._pid(),
            kind=None if version is None else "valkey" if "valkey_version" in server else "redis",
            version=version,
            uptime_s=_number(server.get("uptime_in_seconds")),
            memory_bytes=_number(memory.get("used_memory")),
        )

    # -- starting ---------------------------------------------------------------------------

    def _start_if_free(self, *, started: bool) -> bool:
        """Starts a server unless one has the lock. True when this object did, now or before."""
        _private_folder(self.folder)
        _private_folder(self.socket.parent)
        with self._try_lock(fcntl.LOCK_EX) as lock:
            if lock is None:
                return started
            if started:
                raise TaskqError(
                    f"the local server ended while it started: {self._last_words()}",
                    hint=f"Its log: {self._log}",
                )
            _trim(self._log)
            pid = _spawn(self._command(find_server()), folder=self.folder, log=self._log, lock=lock)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{pid}\n".encode(), 0)
            return True

    def _command(self, program: Path) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        return [str(program), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    # -- looking ----------------------------------------------------------------------------

    def _alive(self) -> bool:
        if not self._lock.exists():
            return False
        # shared: two that look do not take each other for a server
        with self._try_lock(fcntl.LOCK_SH) as lock:
            return lock is None

    @contextlib.contextmanager
    def _try_lock(self, kind: int) -> Iterator[int | None]:
        """The locked file, or None when a server has it. A child keeps the lock after we close it."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield handle
        finally:
            os.close(handle)

    def _pid(self) -> int | None:
        with contextlib.suppress(OSError):
            return _number(self._lock.read_text().strip())
        return None

    def _terminate(self) -> None:
        # the lock is held, so whoever wrote its pid there still lives
        pid = self._pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            return lines[-1][-300:] if lines else "it said nothing"
        return "it left no log"


def _spawn(command: list[str], *, folder: Path, log: Path, lock: int) -> int:
    """The pid of a process that outlives this one and belongs to no terminal."""
    with log.open("ab") as output:
        # the shell in between leaves the server to init: no zombie stays with a long-lived parent
        launched = subprocess.run(  # noqa: S603 - the program comes from find_server
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=folder,
            pass_fds=(lock,),
            start_new_session=True,
            umask=0o077,
            check=True,
        )
    return int(launched.stdout)


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or ""
    # the specification says that a relative path is to be ignored
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "taskq"


def _socket_path(folder: Path) -> Path:
    path = folder / "server.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _SHORT_FOLDER / f"taskq-{os.getuid()}-{digest}" / "server.sock"


def _private_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise TaskqError(
            f"{folder} is not a folder of your own", hint="Remove it, or set XDG_STATE_HOME to another place"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


def _trim(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("appendonlydir/*"))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
