"""docs/operations.md: every block works as printed; docs/deploy.md: each program takes its commands."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from tests.cli.world import INTERRUPTED, World
from tests.deploy.files import K8S, kustomized, tool
from tests.pages import commands, each_block_of_shell, of_kind, read, with_other
from tests.processes import ROOT, taskq_command

DEPLOY = commands("deploy.md")
IMAGES = ("taskq", "shop")
BY_LINE = ("taskq top", "--watch")


@each_block_of_shell("operations.md")
def test_a_block_works(world: World, block: str) -> None:
    world.start_worker()
    block = with_other(world, world.fill_in(block, "inspect"))
    parts = block.splitlines() if any(words in block for words in BY_LINE) else [block]
    for part in parts:
        done = run(world, part)
        assert done.returncode in (0, INTERRUPTED), f"{part}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


def run(world: World, part: str) -> subprocess.CompletedProcess[str]:
    if "taskq top" in part:
        return world.run_on_terminal(part, "q", seconds=1.0)
    return world.run_endless(part, seconds=0.7) if "--watch" in part else world.run(part)


@pytest.mark.parametrize("line", DEPLOY)
def test_a_command_is_one_that_its_program_takes(line: str) -> None:
    words = shlex.split(re.sub(r"^(\w+=\S+ )+", "", line))

    for argv in understood(words):
        done = subprocess.run([*argv, "--help"], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr


def understood(words: Sequence[str]) -> Iterator[list[str]]:
    """The commands in it, each without what would make it run."""
    program, *rest = words
    if words[:2] == ["docker", "compose"]:
        command = rest[1:]
        at = command.index("taskq") if "taskq" in command else len(command)
        yield [tool("docker-compose"), *command[:at]]
        if command[at + 1 :]:
            yield [*taskq_command(), *command[at + 1 :]]
    elif words[:2] == ["docker", "run"]:
        at = next(n for n, word in enumerate(rest) if word in IMAGES)
        yield [tool("docker"), *rest[:at]]
        if rest[at + 1 :]:
            yield [*taskq_command(), *rest[at + 1 :]]
    elif program in ("docker", "kubectl"):
        yield [tool(program), *rest]


def test_files_and_resources_that_commands_name_are_there() -> None:
    text = "\n".join(DEPLOY)
    named = re.findall(r"(?<![\w/])(?:deploy|examples)/[\w./-]+", text)
    deployments = {r["metadata"]["name"] for r in kustomized() if r["kind"] == "Deployment"}

    assert len(named) >= 5
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert set(re.findall(r"deployment/([\w-]+)", text)) <= deployments


def test_the_page_names_all_components() -> None:
    [table] = re.findall(r"\| component \| brings \|\n(.*?)\n\n", read("deploy.md"), re.DOTALL)

    assert sorted(re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE)) == sorted(
        folder.name for folder in (K8S / "components").iterdir()
    )


def test_the_dockerfile_of_the_page_is_the_one_of_the_example() -> None:
    [text] = of_kind("deploy.md", "dockerfile")
    example = (ROOT / "examples" / "container" / "Dockerfile").read_text()

    lines = [line for line in example.splitlines() if line and not line.startswith("#")]
    assert text.splitlines()[1:] == lines[2:]


def test_the_default_figures_of_the_page_are_those_of_the_code() -> None:
    from taskq_core import config

    row = r"^\| `?(?:--)?([-\w]+)`?[^|]*\| ([\d.]+)"
    rows = dict(re.findall(row, read("operations.md"), re.MULTILINE))

    assert int(rows["grace"]) * 1000 == config.GRACE_MS
    assert int(rows["lease"]) * 1000 == config.LEASE_MS
    assert int(rows["-c"]) == config.CONCURRENCY
