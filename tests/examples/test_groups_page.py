"""docs/groups.md: every block works as it is printed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from taskq_core import WorkerOptions
from taskq_core.config import GROUP_KEEP_MS, MAX_CHAIN_BYTES, MAX_LINKS, MAX_PAYLOAD_BYTES
from tests.cli.world import World
from tests.pages import of_kind, works
from tests.servers import Server

PYTHON = of_kind("groups.md", "python")


def test_the_blocks_of_shell_work_one_after_the_other(world: World) -> None:
    world.start_worker()
    world.client.enqueue("images", "resize", {})
    for block in of_kind("groups.md", "sh"):
        works(world, block)


def test_the_application_runs_its_groups_and_its_chain(
    any_server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TASKQ_REDIS_URL", any_server.url)
    found: dict[str, Any] = {}
    exec(compile("\n".join(PYTHON), "page", "exec"), found)
    queue = found["queue"]

    async def play() -> None:
        await found["import_photos"](["a.jpg", "b.jpg"])
        await found["import_pages"]([["c.jpg"], ["d.jpg", "e.jpg"]])
        await found["publish"]("https://example.com/a.jpg")
        await queue.work(WorkerOptions(burst=True))
        await queue.close()

    asyncio.run(play())
    said = capsys.readouterr().out.splitlines()
    assert sorted(line for line in said if line.startswith("resize")) == [
        f"resize {name}.jpg" for name in ("a", "b", "c", "cover", "d", "e")
    ]
    assert said.count("all of import-42 are done") == said.count("all of import-43 are done") == 1
    assert "made a.jpg at 200" in said


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert (MAX_LINKS, MAX_CHAIN_BYTES, MAX_PAYLOAD_BYTES, GROUP_KEEP_MS) == (
        100,
        65_536,
        262_144,
        86_400_000,
    )
