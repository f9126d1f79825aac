"""What the tests of the view share: a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Server
from tests.top.live_view import Filled, filled_server


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
