"""docs/enqueueing.md: every block works as it is printed, and its figures are those of the code."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from taskq_core import State, config
from tests.cli.world import World
from tests.conftest import Spawn
from tests.pages import each_block_of_shell, of_kind, read, works
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until

(PYTHON,) = of_kind("enqueueing.md", "python")


@each_block_of_shell("enqueueing.md")
def test_a_block_of_shell_works(world: World, block: str) -> None:
    world.client.enqueue("search", "index", {"doc": 0})  # a limit is set of a queue that is there
    done = works(world, block)
    if "doc-8" in block:
        (job,) = (
            job for job in world.client.list_jobs("search", State.SCHEDULED).jobs if job.unique == "doc-8"
        )
        assert job.payload == b'{"doc":8,"words":"final"}'
    if "printf" in block:
        assert "3 enqueued, 1 postponed or replaced" in done.stderr


def test_the_application_does_what_is_said(any_server: Server, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "search.py").write_text(PYTHON.replace("redis://localhost:6379", any_server.url))
    program = spawn([sys.executable, "search.py"], any_server.url)
    assert program.wait() == 0, program.stderr
    once, hourly, last = program.stdout.splitlines()
    assert (once, last) == ("True True True", "True True")
    assert hourly.startswith("True 20")

    argv = [*taskq_command(), "worker", "search:queue", "-c", "1"]  # two threads' lines could run together
    worker = spawn(argv, any_server.url, PYTHONUNBUFFERED="1")
    wait_until(lambda: len(worker.stdout.splitlines()) >= 4, 30, "the last job, a debounced one")
    assert sorted(worker.stdout.splitlines()) == [
        "digest for user@example.com", "digest for user@example.com", "index 7 a queue for jobs", "index 8 ",
    ]  # fmt: skip


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert timedelta(milliseconds=config.UNIQUE_FOR_MS) == timedelta(hours=24)
    assert config.DEBOUNCE_MOST == 10
    assert "10 times `debounce` by default" in read("enqueueing.md")
