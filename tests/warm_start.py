"""`python -m tests.warm_start SOCKET DOOR`: loads all of taskq, forks a command a request (`tests.warm`)."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import select
import signal
import socket
import sys
import termios
import threading
import time
import types
from pathlib import Path
from typing import Any, Final, NoReturn

from tests.warm import NUMBER

PACKAGES: Final = ("taskq_core", "taskq_cli")
ALSO: Final = ("redis.asyncio", "rich.table", "rich.live", "multiprocessing.spawn")
HURRY: Final = "TASKQ_TEST_DEADLINE_S"
"""How long a command waits for a server that is not there, in seconds; for tests of what many say then."""
reports: dict[int, int] = {}
"""Where the end of each child is told, by its id."""


def load() -> None:
    """Imports whatever a command could import. What cannot be imported fails in the command that needs it."""
    names = list(ALSO)
    for name in PACKAGES:
        path = importlib.import_module(name).__path__
        names += [module.name for module in pkgutil.walk_packages(path, f"{name}.")]
    for name in names:
        if not name.endswith("__main__"):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(requests: socket.socket, door: socket.socket) -> None:
    """Forks for each request, until nobody can ask by the first socket any more. Shells come to the door.

    Ends of children come as bytes: a signal between the last look for one and `select` would not end it.
    """
    ends, rings = socket.socketpair()
    rings.setblocking(False)
    signal.set_wakeup_fd(rings.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        ready = select.select([requests, door, ends], [], [])[0]
        if ends in ready:
            ends.recv(1024)
            tell_of_ends()
            continue
        if requests in ready:
            asked, handles, _, _ = socket.recv_fds(requests, 1, 5)
            if not asked:
                return
        else:
            with door.accept()[0] as shell:
                asked, handles, _, _ = socket.recv_fds(shell, 1, 5)
            if not asked:
                continue
        child = os.fork()
        if child == 0:
            be(*handles)
        request, report, *streams = handles
        for handle in (request, *streams):
            os.close(handle)
        reports[child] = report


def tell_of_ends() -> None:
    """Collects the children that have ended."""
    while reports:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        report = reports.pop(child)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(report, NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(report)


def be(request: int, report: int, *streams: int) -> NoReturn:
    """What was asked for, as a fresh process."""
    signal.set_wakeup_fd(-1)
    with open(request) as file:
        asked = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    if asked.get("session") or asked.get("terminal"):
        os.setsid()
    if asked.get("terminal"):
        fcntl.ioctl(1, termios.TIOCSCTTY, 0)
    os.write(report, NUMBER.pack(os.getpid()))
    os.closerange(3, 1024)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    become_fresh(asked["argv"])
    code = 70
    try:
        code = run(asked.get("module", "taskq_cli.app"))
    finally:
        os._exit(code)


def become_fresh(argv: list[str]) -> None:
    """What an interpreter sets up, and what it would not have inherited."""
    reports.clear()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    time.tzset()
    random.seed()
    sys.argv = argv
    main = types.ModuleType("__main__")
    if Path(argv[0]).exists():
        main.__file__ = argv[0]
    sys.modules["__main__"] = main
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, stream(number, getattr(sys, f"__{name}__")))
        setattr(sys, f"__{name}__", getattr(sys, name))


def stream(number: int, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """A standard stream as PYTHONUNBUFFERED makes it."""
    raw: Any = open(number, "rb" if number == 0 else "wb", buffering=-1 if number == 0 else 0)  # noqa: SIM115
    shown = raw.isatty()
    return io.TextIOWrapper(
        raw, like.encoding, like.errors, "\n", line_buffering=shown, write_through=number > 0
    )


def run(module: str) -> int:
    """The exit code of the module's `main`."""
    main = importlib.import_module(module).main
    if hurry := os.environ.get(HURRY):
        give_up_after(float(hurry))
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    # as at the end of an interpreter, without the time it needs to give back its memory
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for shown in (sys.stdout, sys.stderr):
        shown.flush()
    return code


def give_up_after(deadline: float) -> None:
    """No command waits longer for a server that is not there."""
    from taskq_cli import session
    from taskq_cli.commands import health, top, worker

    names = ("DEADLINE_S", "STREAM_DEADLINE_S", "START_DEADLINE_S")
    for module in (session, health, top, worker):
        for name in filter(vars(module).__contains__, names):
            setattr(module, name, deadline)


if __name__ == "__main__":
    load()
    with socket.socket(fileno=int(sys.argv[1])) as asked, socket.socket(fileno=int(sys.argv[2])) as door:
        asked.send(b"!")
        serve(asked, door)
