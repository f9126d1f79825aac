"""docs/tenants.md: every block works as it is printed."""

from __future__ import annotations

import asyncio

import pytest

from taskq_core import Client, WorkerOptions
from tests.cli.world import World
from tests.pages import of_kind, works
from tests.servers import Server

(PYTHON,) = of_kind("tenants.md", "python")


def test_the_blocks_of_shell_work_one_after_the_other(world: World) -> None:
    works(world, "".join(of_kind("tenants.md", "sh")))


def test_the_application_works(any_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    page: dict[str, object] = {}
    exec(compile(PYTHON.replace("redis://localhost:6379", any_server.url), "page", "exec"), page)

    async def use() -> None:
        await page["upload"](3)  # type: ignore[operator]
        with Client(any_server.url) as client:
            page["limits"](client)  # type: ignore[operator]
        await page["queue"].work(WorkerOptions(burst=True))  # type: ignore[attr-defined]
        await page["queue"].close()  # type: ignore[attr-defined]

    asyncio.run(use())
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["acme active 1 0", "beta active 3 0"]
    assert sorted(said[2:]) == ["page 0 of beta", "page 1 of acme", "page 1 of beta", "page 2 of beta"]
