"""Draws the pictures of docs/top.md from the made-up service: `python -m tests.top.pictures docs/images`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.top.showing import showing
from tests.top.test_frames import show_screen

SIZE = (110, 30)
SHOWN = ("overview", "queues", "failures", "job", "workers", "tenants", "groups")


async def draw() -> dict[str, str]:
    """One picture a screen."""
    found = {}
    async with showing(size=SIZE) as shown:
        for screen in SHOWN:
            await show_screen(shown, screen)
            found[screen] = shown.app.export_screenshot(title="taskq top", simplify=True)
    return found


if __name__ == "__main__":
    for name, picture in asyncio.run(draw()).items():
        _ = Path(sys.argv[1], f"top-{name}.svg").write_text(picture, encoding="utf-8")
