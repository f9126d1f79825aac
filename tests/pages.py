"""The pages of docs/: what a user copies from them, and runs."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.cli.world import World
from tests.processes import ROOT

OTHER = "redis://other:6379"


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / "docs" / page).read_text()


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind of each fenced block, such as ``sh``, and its text."""
    return re.findall(r"^```(\w+)\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def of_kind(page: str, kind: str) -> list[str]:
    """The blocks of one kind."""
    found = [block for each, block in blocks(page) if each == kind]
    assert found, f"docs/{page} has no {kind}"
    return found


def commands(page: str) -> list[str]:
    """The lines of all blocks of shell, put together where they go on."""
    lines = "".join(of_kind(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def each_block_of_shell(page: str) -> pytest.MarkDecorator:
    """A test for each, of its own: only where none needs what another one did."""
    found = of_kind(page, "sh")
    return pytest.mark.parametrize("block", found, ids=[block[:40] for block in found])


def with_other(world: World, block: str) -> str:
    """The block, its second server being one that is there."""
    return block.replace(OTHER, world.other.tcp_url) if OTHER in block else block


def works(world: World, block: str) -> subprocess.CompletedProcess[str]:
    """Runs a block; each of its lines has to work."""
    done = world.run("set -e\n" + with_other(world, block))
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done
