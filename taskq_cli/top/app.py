"""The application: the stage, with the keys of the registry."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding

from taskq_cli.top.changes import Changes
from taskq_cli.top.keymap import KEYMAP
from taskq_cli.top.pauses import shorten
from taskq_cli.top.takeout import Takeout


class TopApp(Changes, Takeout):
    """`taskq top`."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding(key.keys, key.action, key.help, id=key.name, show=False) for key in KEYMAP
    ]

    def run_to_end(self) -> int:
        """Runs in this terminal until it is left. Returns the exit code; 143 after SIGTERM."""
        shorten()
        self.run()
        return self.return_code or 0
