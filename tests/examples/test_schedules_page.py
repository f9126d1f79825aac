"""docs/schedules.md: every block works as it is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskq_core import Client, ScheduleRef
from tests.cli.world import World
from tests.conftest import Spawn
from tests.pages import each_block_of_shell, of_kind, works
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until

PYTHON = of_kind("schedules.md", "python")


@each_block_of_shell("schedules.md")
def test_a_block_of_shell_works(world: World, block: str) -> None:
    world.start_worker()
    world.client.enqueue("mail-out", "send-email", {})
    works(world, block)


def test_the_application_fires_its_schedules(any_server: Server, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(PYTHON[0])
    worker = spawn([*taskq_command(), "worker", "jobs:queue"], any_server.url, PYTHONUNBUFFERED="1")
    wait_until(lambda: worker.stdout.count("ping web-1") >= 2, 30, "two runs")
    with Client(any_server.url) as client:
        first, second = client.schedules.list(["reports"])
        assert (first.ref.name, second.ref.name) == ("clean-up", "ping")
        client.schedules.trigger(first.ref)
    wait_until(lambda: "clean up for 20" in worker.stdout, 20, "the job that was triggered")


def test_the_client_adds_one(any_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(PYTHON[1].replace("redis://localhost:6379", any_server.url), "page", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 3
    with Client(any_server.url) as client:
        assert client.schedules.get(ScheduleRef("reports", "nightly")).schedule.tz == "Europe/Berlin"


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    from taskq_core import GRACES
    from taskq_core.config import CATCH_UP, EXPORTED_SCHEDULES, MAX_SCHEDULE_BYTES, MAX_SCHEDULES, RUNS_KEPT

    assert [span.total_seconds() for span in GRACES.values()] == [10, 3600, 86_400]
    assert (CATCH_UP, EXPORTED_SCHEDULES, MAX_SCHEDULES, MAX_SCHEDULE_BYTES, RUNS_KEPT) == (
        100, 200, 1_000, 65_536, 10,
    )  # fmt: skip
