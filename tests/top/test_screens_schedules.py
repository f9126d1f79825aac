from __future__ import annotations

from taskq_cli.lazy import COMMANDS
from tests.top.showing import showing


async def test_it_says_that_there_are_none_and_what_to_do_meanwhile() -> None:
    async with showing() as shown:
        await shown.press("6")
        assert "no recurring schedules" in shown.frame()
        assert "--unique clean-up" in shown.frame()
        assert shown.app.view.command() == "taskq jobs --state scheduled"
        assert "schedule" not in COMMANDS  # once there is such a command, this screen shows what it made
