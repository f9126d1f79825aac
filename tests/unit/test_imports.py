"""What an import costs and reveals: the core knows no terminal, and importing does no work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.startup import measure
from taskq_cli.lazy import COMMANDS
from tests.processes import ROOT, environment, taskq_command
from tests.servers import Server

TERMINAL = ("typer", "click", "rich", "textual", "taskq_cli")


def loaded_by(module: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after the import."""
    program = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_the_core_loads_no_terminal_library() -> None:
    assert loaded_by("taskq_core").isdisjoint(TERMINAL)


@pytest.mark.parametrize("heavy", ["redis", "pydantic", "rich", "textual"])
def test_the_command_line_loads_nothing_heavy_before_a_command_is_known(heavy: str) -> None:
    assert heavy not in loaded_by("taskq_cli.app")


def after(*statements: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after some statements."""
    program = "\n".join(
        [
            *statements,
            "import sys",
            "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


RUN_WORKERS = {"worker", "bench", "demo", "top"}
"""Commands whose work is with redis-py's asyncio, or that draw."""


def loaded_by_commands(names: set[str]) -> set[str]:
    return after(
        f"from importlib import import_module as load\nfor n in {names}: load('taskq_cli.commands.' + n)"
    )


SHORT_COMMANDS = (
    ["enqueue", "send-email", "to=user@example.com"],
    ["jobs", "-o", "tsv"],
    ["stats", "-o", "json"],
    ["queue", "ls", "-o", "name"],
    ["health"],
)


def test_to_know_a_command_loads_nothing_heavy() -> None:
    loaded = loaded_by_commands(set(COMMANDS) - RUN_WORKERS)

    assert loaded.isdisjoint({"redis", "asyncio", "pydantic", "rich", "textual"})


def test_only_the_live_view_loads_textual() -> None:
    assert loaded_by_commands(set(COMMANDS) - {"top"}).isdisjoint({"pydantic", "textual"})


@pytest.mark.parametrize("args", SHORT_COMMANDS, ids=" ".join)
def test_a_short_command_loads_neither_redis_py_nor_what_draws(any_server: Server, args: list[str]) -> None:
    run = f"from taskq_cli.app import run; assert run({[*args, '--url', any_server.url]}) == 0"
    loaded = after(run)

    assert "hiredis" in loaded
    assert loaded.isdisjoint({"redis", "asyncio", "pydantic", "rich", "textual"})


@pytest.mark.alone
def test_a_command_starts_in_less_time_than_redis_py_takes_to_load(
    any_server: Server, clean_home: Path
) -> None:
    env = environment(clean_home, any_server.url)
    chosen = {
        "redis": [sys.executable, "-c", "import redis"],
        "version": [*taskq_command(), "--version"],
        "enqueue": [*taskq_command(), "enqueue", "send-email", "to=user@example.com"],
    }
    cpu = measure(chosen, env, rounds=5)

    assert cpu["version"] <= 0.5 * cpu["redis"]
    assert cpu["enqueue"] <= 1.2 * cpu["redis"]
