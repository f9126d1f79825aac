"""Foreign text made safe for a terminal: one line, bounded, nothing hidden, nothing interpreted.

Payloads, errors and names come from whoever may enqueue. ESC and C1 drive a terminal, OSC writes its
clipboard and links, bidi controls reorder what is read, zero-width characters hide, and long runs of
combining marks paint over other lines. All of these come out as visible escapes.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_CELL: Final = 200
"""Characters of one value in a table or in a message."""
MAX_VALUE: Final = 64 * 1024
"""Characters of one value in TSV and CSV, which machines read."""
MAX_MARKS: Final = 3
"""Combining marks that one character may carry: enough for every living script."""
CUT: Final = "…"
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# fillers that print as nothing, though Unicode calls them letters or symbols
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def clean(text: str, limit: int = MAX_CELL) -> str:
    """The text on one line of at most ``limit`` characters, with every hidden character visible."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    pieces = _pieces(text[: limit + 1])
    size = sum(map(len, pieces))
    if size <= limit:
        return "".join(pieces)
    while size > limit - len(CUT):
        size -= len(pieces.pop())
    return "".join(pieces) + CUT


def clean_lines(text: str, limit: int = MAX_VALUE) -> str:
    """The same for text of several lines, such as a traceback: line breaks stay."""
    lines = text[:limit].replace("\r\n", "\n").split("\n")
    return "\n".join(clean(line, 1_000) for line in lines)


def _pieces(text: str) -> list[str]:
    """Each character as it is to be shown; an escape stays in one piece."""
    pieces: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        pieces.append(_escaped(char) if marks > MAX_MARKS else _visible(char))
    return pieces


def _visible(char: str) -> str:
    if char in _BLANKS:
        return _escaped(char)
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else _escaped(char)


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
