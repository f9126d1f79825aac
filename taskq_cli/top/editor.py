"""A text in the user's editor, while the view steps aside."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from textual.app import App, SuspendNotSupported

FALLBACK: Final = "vi"


class NotEdited(Exception):
    """No other text came back; its words say why."""


def edit(app: App[None], text: str) -> str:
    """The JSON text as it comes back from $VISUAL or $EDITOR. Raises: NotEdited.

    The file is in a directory of its own that only the user can read, and is gone afterwards.
    """
    shown = _formatted(text)
    words = _editor()
    with tempfile.TemporaryDirectory(prefix="taskq-") as place:
        path = Path(place) / "payload.json"
        _ = path.write_text(shown, encoding="utf-8")
        try:
            with app.suspend(), undisturbed():
                code = subprocess.run([*words, str(path)], check=False).returncode  # noqa: S603 - the user's own
        except SuspendNotSupported:
            raise NotEdited("this terminal cannot show an editor: nothing was changed") from None
        except OSError as error:
            raise NotEdited(f"cannot start {words[0]}: {error.strerror}; set EDITOR") from None
        if code:
            raise NotEdited(f"{words[0]} ended with {code}: nothing was changed")
        back = path.read_text(encoding="utf-8", errors="replace")
    if back.strip() == shown.strip():
        raise NotEdited("the payload is as it was: nothing was changed")
    return back


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C is the editor's alone meanwhile: it would end the view too."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN: a program would inherit that
    try:
        yield
    finally:
        _ = signal.signal(signal.SIGINT, before)


def _editor() -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        try:
            if words := shlex.split(os.environ.get(name, "")):
                return words
        except ValueError:
            continue
    return [FALLBACK]


def _formatted(text: str) -> str:
    try:
        msgspec.json.decode(text)
        return msgspec.json.format(text, indent=2) + "\n"
    except (msgspec.MsgspecError, RecursionError):
        return text
