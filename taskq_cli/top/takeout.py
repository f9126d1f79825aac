"""What leaves the view: names and commands to the clipboard, what is shown to a file, keys by their words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from functools import partial
from pathlib import Path

from textual import work
from textual.app import SystemCommand
from textual.screen import Screen

from taskq_cli.sanitize import clean
from taskq_cli.top.keymap import KEYMAP
from taskq_cli.top.navigation import Navigation
from taskq_cli.top.widgets.dialog import Prompt
from taskq_cli.top.widgets.header import Header


class Takeout(Navigation):
    """The actions of keys that copy and write, and the palette."""

    def action_copy_id(self) -> None:
        """The name or id under the cursor to the terminal's clipboard."""
        self._copy(self.view.subject())

    def action_copy_command(self) -> None:
        """The command that shows the same to the terminal's clipboard."""
        self._copy(self.view.command())

    def _copy(self, text: str) -> None:
        if not text:
            self.say("nothing here to copy", "warn")
            return
        self.copy_to_clipboard(clean(text, 1_000))
        # no terminal says whether it took it: those without OSC 52 leave the clipboard as it was
        self.say(f"copied, if the terminal lets programs copy: {text}", "good")

    def plain_text(self) -> str:
        """What is shown, as lines of plain text: all rows, not only those in the window."""
        return f"{self.query_one(Header).text()}\n{self.view.text()}\n"

    @work
    async def action_write_view(self) -> None:
        """Asks for a file's name, and writes what is shown to it."""
        frame = self.clockwork.shown
        if frame is None:
            return
        text = self.plain_text()
        stamp = frame.at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = await self.push_screen_wait(
            Prompt("Write what is shown to", f"taskq-{self.view.id}-{stamp}.txt", "a new file, plain text")
        )
        if name is not None and name.strip():
            self.say(*written(Path(name.strip()), text))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key that works here by its words, and the themes."""
        here = self.view.id or ""
        for key in KEYMAP:
            elsewhere = key.screens and here not in key.screens
            if elsewhere or key.name == "palette" or (key.changes and self.read_only):
                continue
            yield SystemCommand(key.help, f"key {key.shown}", partial(self.run_action, key.action))
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)


def written(path: Path, text: str) -> tuple[str, str]:
    """Writes a new file. What there is to say about it, and its look."""
    shown = clean(str(path))
    try:
        with path.expanduser().open("x", encoding="utf-8") as file:
            lines = file.write(text) and text.count("\n")
    except FileExistsError:
        return f"{shown} exists already: nothing was written", "bad"
    except (OSError, RuntimeError, ValueError) as error:  # also a home that is unknown, and a zero byte
        return f"cannot write {shown}: {getattr(error, 'strerror', None) or error}", "bad"
    return f"{lines:,} lines written to {shown}", "good"
