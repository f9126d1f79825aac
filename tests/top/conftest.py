"""What the tests of the view share: a clock that stands still, a filled server, a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.top.live_view import Filled, filled_server
from tests.top.terminal import Terminal

OpenTop = Callable[..., Terminal]


class Clock:
    """Monotonic time that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the view stands still, so that ages are the same in every run."""
    clock = Clock()
    monkeypatch.setattr("taskq_cli.top.stage.time", clock)
    return clock


@pytest.fixture
def filled(any_server: Server) -> Iterator[Filled]:
    """A server with jobs in each state."""
    yield from filled_server(any_server)


@pytest.fixture
def open_top(tmp_path: Path, clean_home: Path) -> Iterator[OpenTop]:
    """`taskq top` in a terminal of its own."""
    opened: list[Terminal] = []

    def start(server: Server, *flags: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        folder = tmp_path / f"terminal-{len(opened)}"
        folder.mkdir()
        terminal = Terminal(folder, size, environment(clean_home, server.url))
        opened.append(terminal)
        terminal.run([*taskq_command(), "top", *flags])
        _ = terminal.until("? help", "WHAT IS WRONG")
        return terminal

    yield start
    for terminal in opened:
        terminal.close()
