"""Fixtures: a real server per kind and test process, emptied between tests, and real processes.

A test that takes ``server`` runs once on Valkey and once on Redis. Asynchronous tests need no marker
and no plugin: each runs in an event loop of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests import warm
from tests.keyspace import leaks
from tests.processes import Program, environment, run_taskq
from tests.servers import KINDS, Server

ServerPool = Callable[[str], Server]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine test in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in names}
    asyncio.run(pyfuncitem.obj(**arguments), debug=False)
    return True


def pytest_sessionfinish() -> None:
    """Ends what was started for all tests of this process."""
    warm.close()


@pytest.fixture(autouse=True)
def clean_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No test sees, or touches, the user's own configuration, state or local server."""
    home = tmp_path / "home"
    home.mkdir()
    for name, value in environment(home).items():
        if name.startswith(("XDG_", "HOME")):
            monkeypatch.setenv(name, value)
    for name in ("TASKQ_REDIS_URL", "TASKQ_NAMESPACE", "TASKQ_OUTPUT", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(scope="session")
def server_pool() -> Iterator[ServerPool]:
    """Servers by kind, each started when first asked for and kept for this test process."""
    running: dict[str, Server] = {}

    def of(kind: str) -> Server:
        if kind not in running:
            running[kind] = Server(kind)
            running[kind].start()
        return running[kind]

    yield of
    for server in running.values():
        server.remove()


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, server_pool: ServerPool) -> Iterator[Server]:
    """An empty server, once per kind. Afterwards no key may lie there that taskq does not document."""
    server = server_pool(request.param)
    server.raw.flushall()
    yield server
    if request.node.get_closest_marker("foreign_keys") is None:
        assert leaks(server.raw) == []


@pytest.fixture
def any_server(server_pool: ServerPool) -> Server:
    """An empty server of one kind, for what does not depend on the kind."""
    server = server_pool("valkey")
    server.raw.flushall()
    return server


class NewServer(Protocol):
    """Starts a server that a test may kill, freeze, configure or fill."""

    def __call__(self, kind: str, *options: str, aof: bool = False) -> Server: ...


@pytest.fixture
def new_server() -> Iterator[NewServer]:
    """Starts servers for this test alone: kind ``valkey``, ``redis``, or ``old`` (6.2)."""
    started: list[Server] = []

    def start(kind: str, *options: str, aof: bool = False) -> Server:
        started.append(Server(kind, *options, aof=aof))
        return started[-1].start()

    yield start
    for server in started:
        server.remove()


@pytest.fixture(params=KINDS)
def durable_server(request: pytest.FixtureRequest, new_server: NewServer) -> Server:
    """A server for this test alone, once per kind, that keeps across ``kill`` what it acknowledged."""
    return new_server(request.param, aof=True)


class Spawn(Protocol):
    """Starts a program in the background, with a clean environment."""

    def __call__(self, argv: Sequence[str], url: str | None = None, **env: str) -> Program: ...


@pytest.fixture
def spawn(tmp_path: Path, clean_home: Path) -> Iterator[Spawn]:
    """Starts programs in ``tmp_path``; at the end their whole process groups are killed."""
    started: list[Program] = []
    numbers = count(1)

    def start(argv: Sequence[str], url: str | None = None, **env: str) -> Program:
        program = Program(
            argv, env=environment(clean_home, url, **env), folder=tmp_path, name=f"program-{next(numbers)}"
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()


class Taskq(Protocol):
    """Runs one `taskq` command to its end."""

    def __call__(
        self, *args: str, url: str | None = None, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def taskq(tmp_path: Path, clean_home: Path) -> Taskq:
    """Runs our command in ``tmp_path``: exit code, stdout and stderr, as a pipeline sees them."""
    warm.warm(environment(clean_home))  # so that no test measures how long it takes to start

    def run(
        *args: str, url: str | None = None, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return run_taskq(args, env=environment(clean_home, url, **env), cwd=tmp_path, stdin=stdin)

    return run
