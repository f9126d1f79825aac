"""docs/progress.md: every block works as it is printed, and its figures are those of the code."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Client, Discard, Job, TaskQueue, WorkerOptions, config
from tests.cli.world import World
from tests.conftest import Spawn
from tests.pages import each_block_of_shell, of_kind, works
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until

PYTHON = of_kind("progress.md", "python")


@each_block_of_shell("progress.md")
def test_a_block_of_shell_works(world: World, block: str) -> None:
    world.start_worker()
    done = works(world, block)
    if "render.sh" in block:
        assert "fonts loaded" in done.stdout
        assert "40 % two of five pages" in done.stderr


def test_the_application_says_how_far_it_is(any_server: Server, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "reports.py").write_text(PYTHON[0])
    worker = spawn([*taskq_command(), "worker", "reports:queue"], any_server.url)
    with Client(any_server.url) as client:
        ids = [
            client.enqueue("reports", "report", {"pages": 3}).id,
            client.enqueue("reports", "thumbnail", {"path": "a.jpg"}).id,
        ]
        wait_until(lambda: client.snapshot("reports").totals.get("done") == 2, 30)
        report, thumbnail = client.notes("reports", ids)
        (lines,) = client.notes("reports", ids[:1], after=0)
    worker.stop()
    assert report is not None
    assert thumbnail is not None
    assert lines is not None
    assert (report.progress, report.note, thumbnail.progress) == (1.0, "page 3 of 3", 1.0)
    assert [line.text for line in lines.lines] == [f"page {n} rendered" for n in (1, 2, 3)]


def test_the_client_reads_the_notes_of_a_dead_job(
    any_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = TaskQueue("reports", redis=any_server.url)

    @queue.process("report")
    def report(job: Job) -> None:
        job.progress(0.5, "half")
        job.log("no more paper")
        raise Discard("no paper")

    queue.add_sync("report", {})
    queue.run(WorkerOptions(burst=True))
    queue.close_sync()
    exec(compile(PYTHON[1].replace("redis://localhost:6379", any_server.url), "page", "exec"), {})
    told = capsys.readouterr().out
    assert told.startswith("50% half\n1 ")
    assert told.endswith(" no more paper\n")


def test_the_test_of_the_page_passes_and_not_with_a_handler_that_says_something_else() -> None:
    def run(page: str) -> None:
        names: dict[str, Any] = {}
        exec(compile(page, "page", "exec"), names)
        asyncio.run(names["test_the_report_says_when_it_is_done"]())

    run(PYTHON[2])
    with pytest.raises(AssertionError):
        run(PYTHON[2].replace('job.log("rendered")', 'job.log("something else")'))


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert (config.LOG_LINES, config.LOG_LINE_BYTES, config.NOTES_BYTES) == (100, 2048, 65_536)
    assert (config.NOTE_BYTES, config.REPORT_S, config.NOTES_OFF_S, config.EVENTS_A_BATCH) == (
        200,
        0.5,
        10,
        100,
    )
    hour = 3_600_000
    assert (hour, 24 * hour, hour // 12) == (config.NOTES_MS, config.NOTES_FAILED_MS, config.NOTES_DONE_MS)
