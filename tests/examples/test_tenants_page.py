"""docs/tenants.md: every block works as it is printed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from taskq_core import Client, WorkerOptions
from tests.cli.world import World
from tests.processes import ROOT
from tests.servers import Server

PAGE = (ROOT / "docs" / "tenants.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
PYTHON = re.findall(r"^```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(tmp_path_factory.mktemp("tenants"))
    yield found
    found.close()


def test_the_blocks_of_shell_work_one_after_the_other(world: World) -> None:
    for block in SHELL:
        done = world.run("set -e\n" + block)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


def test_the_application_works(any_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    page: dict[str, object] = {}
    exec(compile(PYTHON[0].replace("redis://localhost:6379", any_server.url), "page", "exec"), page)

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
