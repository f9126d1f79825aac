"""The Lua scripts: one verb, one file under ``lua/``.

A line ``--#use now tally`` is replaced by the parts of that name under ``lua/parts/``: what several
scripts do is written once, and each call still sends one script. A part may use others.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("lua")
_USE: Final = re.compile(r"^--#use (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it is sent: its verb, its text, and the SHA-1 the server knows it by."""

    name: str
    source: str
    sha: str


@cache
def script(name: str) -> Script:
    """The script of a verb. Raises: FileNotFoundError for a verb that does not exist."""
    source = _USE.sub(_parts, _read(f"{name}.lua"))
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def script_names() -> list[str]:
    """All verbs that have a script."""
    return sorted(file.stem for file in _FOLDER.glob("*.lua"))


def _parts(match: re.Match[str]) -> str:
    texts: dict[str, str] = {}
    for part in match[1].split():
        _gather(part, texts)
    return "\n".join(texts.values())


def _gather(part: str, texts: dict[str, str]) -> None:
    """Adds a part behind those it uses, each once."""
    if part in texts:
        return
    source = _read(f"parts/{part}.lua")
    used = _USE.search(source)
    for name in used[1].split() if used else ():
        _gather(name, texts)
    texts[part] = _USE.sub("", source)


def _read(path: str) -> str:
    return (_FOLDER / path).read_text(encoding="utf-8")
