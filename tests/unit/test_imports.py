"""What an import costs and reveals: the core knows no terminal, and importing does no work."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT

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
