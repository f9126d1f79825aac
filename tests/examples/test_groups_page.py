"""docs/groups.md: every block works as it is printed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from taskq_core import WorkerOptions
from taskq_core.config import GROUP_KEEP_MS, MAX_CHAIN_BYTES, MAX_LINKS, MAX_PAYLOAD_BYTES
from tests.cli.world import World
from tests.processes import ROOT
from tests.servers import Server

PAGE = (ROOT / "docs" / "groups.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
PYTHON = re.findall(r"^```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(tmp_path_factory.mktemp("groups"))
    found.start_worker()
    yield found
    found.close()


def test_the_blocks_of_shell_work_one_after_the_other(world: World) -> None:
    world.client.enqueue("images", "resize", {})
    for block in SHELL:
        done = world.run("set -e\n" + block)
        assert "Traceback" not in done.stderr
        # nothing of that group is dead, which a command that is to retry it says with an exit code
        assert done.returncode == 0 or "retry" in block, f"{block}\n{done.stdout}\n{done.stderr}"


def test_the_application_runs_its_groups_and_its_chain(
    any_server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TASKQ_REDIS_URL", any_server.url)
    found: dict[str, Any] = {}
    exec(compile("\n".join(PYTHON).replace("from __future__", "# "), "page", "exec"), found)
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
