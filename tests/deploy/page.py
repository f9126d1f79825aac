"""The blocks of a page of docs/."""

from __future__ import annotations

import re

from tests.processes import ROOT


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind of each fenced block, such as ``sh``, and its text."""
    return re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    """The lines of all blocks of shell, put together where they go on."""
    text = "".join(block for kind, block in blocks(page) if kind == "sh")
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
