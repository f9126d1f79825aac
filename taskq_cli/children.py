"""Processes of our own package, as `bench` and `demo` start them: workers and producers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

Child = subprocess.Popen[bytes]
STOP_S: Final = 10.0


def start_child(words: Sequence[str], environment: Mapping[str, str], stderr: Path) -> Child:
    """Runs `python -m` with these words; what it says on stderr is added to a file."""
    with stderr.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - this very package, with words of our own
            [sys.executable, "-m", *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )


def child_environment(url: str, namespace: str, **more: str) -> dict[str, str]:
    """Our environment, with one place to work at and nothing else of taskq's configuration.

    The URL goes this way because arguments are seen by everybody on the machine, and it may hold a password.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKQ_")}
    return kept | {"TASKQ_REDIS_URL": url, "TASKQ_NAMESPACE": namespace} | more


def end_child(child: Child) -> None:
    """Ends a child in good order, or after some seconds by force."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def last_words(stderr: Path) -> str:
    """The end of what children wrote."""
    text = stderr.read_text(errors="replace").strip() if stderr.exists() else ""
    return text[-300:] or "it said nothing"
