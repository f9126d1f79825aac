"""The rules of CONTRIBUTING.md that no linter checks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.processes import ROOT

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_TEST = 60
MOST_LINES_OF_A_SCRIPT = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}


def sources(suffix: str) -> list[Path]:
    folders = ("taskq_core", "taskq_cli", "tests", "examples", "benchmarks")
    return sorted(file for folder in folders for file in (ROOT / folder).rglob(f"*{suffix}"))


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


def script_lines(file: Path) -> int:
    lines = (line.strip() for line in file.read_text().splitlines())
    return len([line for line in lines if line and not line.startswith("--")])


def long_functions(file: Path) -> Iterator[str]:
    limit = MOST_LINES_OF_A_TEST if file.is_relative_to(ROOT / "tests") else MOST_LINES_OF_A_FUNCTION
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or 0) - node.lineno + 1 - len((docstring or "").splitlines())
            if lines > limit:
                yield f"{shown(file)}:{node.lineno} {node.name} has {lines} lines"


def test_files_and_functions_are_short() -> None:
    files = [shown(file) for file in sources(".py") if file.read_text().count("\n") > MOST_LINES]
    functions = [found for file in sources(".py") for found in long_functions(file)]

    assert files + functions == []


def test_files_are_named_for_what_they_hold() -> None:
    assert [shown(file) for file in sources(".py") if file.stem in NAMES_THAT_SAY_NOTHING] == []


def test_scripts_are_short() -> None:
    assert [shown(file) for file in sources(".lua") if script_lines(file) > MOST_LINES_OF_A_SCRIPT] == []
