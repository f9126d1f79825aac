"""`taskq top` in a real terminal: tmux draws it, presses its keys and tells what is on screen."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers import missing
from tests.waiting import NotInTime


class Terminal:
    """A session of a tmux server of its own, which ends with it."""

    def __init__(self, folder: Path, size: tuple[int, int], env: Mapping[str, str]) -> None:
        if shutil.which("tmux") is None:
            missing("tmux is not installed")
        self._socket = folder / "tmux"
        width, height = size
        self._env = dict(env) | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TMUX": ""}
        # a shell, so that a suspended program can be brought back and its exit code be seen
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "top", "-x", str(width), "-y", str(height),
            "env", "PS1=$ ", "bash", "--norc", "--noprofile",
        )  # fmt: skip

    def type(self, text: str) -> None:
        """Types a line of text and enter."""
        self._tmux("send-keys", "-t", "top", "-l", text)
        self._tmux("send-keys", "-t", "top", "Enter")

    def run(self, command: Sequence[str]) -> None:
        """Starts a program in the shell."""
        self.type(shlex.join(command))

    def press(self, *keys: str) -> None:
        """Presses keys, by tmux's names."""
        for key in keys:
            self._tmux("send-keys", "-t", "top", key)

    def resize(self, width: int, height: int) -> None:
        """Another size of the window."""
        self._tmux("resize-window", "-t", "top", "-x", str(width), "-y", str(height))

    def text(self) -> str:
        """What is on screen."""
        return self._tmux("capture-pane", "-p", "-t", "top")

    def until(self, *words: str, gone: bool = False, timeout: float = 20.0) -> str:
        """Waits until all words are on screen, or none of them is. The screen then."""
        end = time.monotonic() + timeout
        while True:
            text = self.text()
            if all((word in text) != gone for word in words):
                return text
            if time.monotonic() > end:
                raise NotInTime(f"waited {timeout} s for {words!r} (gone: {gone}) on\n{text}")
            time.sleep(0.02)

    def close(self) -> None:
        """Ends tmux and all that runs in it."""
        _ = subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)

    def _tmux(self, *args: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *args],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
