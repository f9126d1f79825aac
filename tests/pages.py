"""The pages of docs/: what a user copies from them, and runs."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.cli.world import World
from tests.processes import ROOT


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / "docs" / page).read_text()


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind of each fenced block, such as ``sh``, and its text."""
    return re.findall(r"^```(\w+)\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def of_kind(page: str, kind: str) -> list[str]:
    """The blocks of one kind."""
    return [block for each, block in blocks(page) if each == kind]


def commands(page: str) -> list[str]:
    """The lines of all blocks of shell, put together where they go on."""
    lines = "".join(of_kind(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def each_block_of_shell(page: str) -> pytest.MarkDecorator:
    """A test for each, of its own: only where none needs what another one did."""
    found = of_kind(page, "sh")
    return pytest.mark.parametrize("block", found, ids=[block[:40] for block in found])


def works(world: World, block: str) -> subprocess.CompletedProcess[str]:
    """Runs a block; each of its lines has to work."""
    if "redis://other:6379" in block:
        block = block.replace("redis://other:6379", world.other.tcp_url)
    done = world.run("set -e\n" + block)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done
