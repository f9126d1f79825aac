"""examples/inline.py: producer and worker in one script."""

from __future__ import annotations

import sys

from tests.conftest import Spawn
from tests.processes import ROOT
from tests.servers import Server


def test_one_script_enqueues_and_runs_its_own_jobs(server: Server, spawn: Spawn) -> None:
    example = spawn([sys.executable, str(ROOT / "examples" / "inline.py")], server.url)

    assert example.wait(30) == 0, example.stderr
    assert sorted(line for line in example.stdout.splitlines() if line.startswith("Hello")) == [
        "Hello, Ada!",
        "Hello, Edsger!",
        "Hello, Grace!",
    ]
    assert example.stdout.count("enqueued greetings/n") == 3
