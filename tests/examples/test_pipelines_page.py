"""docs/pipelines.md: every block works as it is printed, under pipefail."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest

from tests.cli.world import INTERRUPTED, World
from tests.pages import read, with_other

PAGE = read("pipelines.md")
BLOCKS = re.findall(r"^## (.*?)$|^```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
ENDLESS = ("--watch", "taskq tail")


def blocks() -> Iterator[tuple[str, str]]:
    title = "rules"
    for heading, block in BLOCKS:
        title = heading or title
        if block:
            yield title, block


@pytest.fixture(scope="module")
def world(world: World) -> World:
    """A world with the files that the page names."""
    (world.folder / "customers.csv").write_text("ada,pro\nbob,free\n")
    with sqlite3.connect(world.folder / "shop.db") as shop:
        shop.execute("CREATE TABLE users (id INTEGER, email TEXT, active INTEGER)")
        shop.executemany(
            "INSERT INTO users VALUES (?, ?, 1)", [(n, f"user{n}@example.com") for n in range(3)]
        )
    world.start_worker()
    return world


@pytest.mark.parametrize(("title", "block"), list(blocks()), ids=[f"{t}: {b[:40]}" for t, b in blocks()])
def test_a_block_of_the_page_works(world: World, title: str, block: str) -> None:
    verb = "retry" if "retry" in block else "inspect"
    real = with_other(world, world.fill_in(block, verb))
    if any(word in block for word in ENDLESS):
        done = world.run_endless(real)
        assert done.returncode in (0, INTERRUPTED), f"{done.stdout}\n{done.stderr}"
    else:
        done = world.run(real)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_all_titles_have_a_block() -> None:
    assert set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)) <= set(dict(blocks()))
