"""docs/limits.md: every block works as it is printed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from taskq_core import Client, Rate
from tests.cli.world import World
from tests.conftest import Spawn
from tests.pages import each_block_of_shell, of_kind, works
from tests.processes import ROOT, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

(PYTHON,) = of_kind("limits.md", "python")


@each_block_of_shell("limits.md")
def test_a_block_of_shell_works(world: World, block: str) -> None:
    world.client.enqueue("mail", "send", {"to": "user@example.com"})
    works(world, block)


def test_the_application_declares_its_limits(any_server: Server, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(PYTHON)
    worker = spawn([*taskq_command(), "worker", "jobs:queue"], any_server.url, PYTHONUNBUFFERED="1")
    with Client(any_server.url) as client:
        wait_until(lambda: client.snapshot("mail").flow_limits != (), 20)
        assert [str(limit) for limit in client.snapshot("mail").flow_limits] == [
            "max running 20", "max running 5 of task send", "rate 100/s", "rate 10/s burst 2 of task send",
        ]  # fmt: skip
    namespace: dict[str, object] = {}
    exec(compile(PYTHON.replace('"mail",', f'"mail", redis="{any_server.url}",'), "page", "exec"), namespace)

    async def use() -> None:
        await namespace["main"]()  # type: ignore[operator]
        await namespace["queue"].close()  # type: ignore[attr-defined]

    asyncio.run(use())  # one loop: its connections are closed in it
    wait_until(lambda: worker.stdout.count("sync 1") == 3, 20)


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert [Rate.parse(text).burst for text in ("100/s", "6000/m", "5/s", "1000/d burst 1000")] == [
        10, 10, 1, 1000,
    ]  # fmt: skip
    scripts = (ROOT / "taskq_core" / "lua" / "parts" / "laden.lua").read_text()
    assert "1000 or 100000" in scripts
