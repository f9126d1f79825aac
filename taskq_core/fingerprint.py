"""What failed attempts of one cause have in common: a short name made of task, error and place. Pure.

The place is the innermost frame of the application's own code, named by file, function and source line;
never by a line number, which moves with every edit. Where there is no such frame, the message stands in,
without what differs from job to job: numbers, ids, paths, quoted text, addresses, dates.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

DIGITS: Final = 12
"""Hex digits of a fingerprint: two causes of a million share one with a chance of 1 in 500."""
PATTERN: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
MAX_TEXT: Final = 2_000
"""Characters of a message that are looked at."""

_FRAME: Final = re.compile(
    r'^[ |+-]*File "(?P<file>[^"\n]+)", line \d+, in (?P<function>[^\n]+)\n'
    r'(?:[ |]+(?!File ")(?P<source>[^ |\n][^\n]*)\n)?',
    re.MULTILINE,
)
# libraries, the interpreter and taskq itself: where they raise, the cause is who called them
_FOREIGN: Final = re.compile(
    r"^<|[/\\](?:site-packages|dist-packages|taskq_core|taskq_cli)[/\\]|[/\\]lib(?:64)?[/\\]python\d"
    r"|[/\\]python\d+\.zip[/\\]"
)
_VARYING: Final = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "<url>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
    (re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`"), "<text>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"(?<![\w<])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@%+=,-]+)+[/\\]?"), "<path>"),
    (re.compile(r"(?<![\w./-])[\w.-]+(?:/[\w.@%+=,-]+){2,}/?"), "<path>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}\b", re.IGNORECASE), "<address>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<id>"),
    # long words of hex digits, and of letters and digits mixed, are ids
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{10,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


def fingerprint(task: str, type_: str, message: str, traceback: str = "") -> str:
    """The fingerprint of a failed attempt: 12 hex digits, the same for attempts of the same cause.

    ``traceback``: as the interpreter prints it, or nothing.
    """
    place = own_frame(traceback, message) or normalized(message)
    text = "\n".join((task, type_, place))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGITS]


def own_frame(traceback: str, message: str = "") -> str:
    """The innermost frame of the application's own code: file, function, source line. Empty: there is none.

    ``message`` is left out of the search: it may quote a traceback itself.
    """
    if 'File "' in message:
        traceback = traceback.replace(message, "")
    found = ""
    for frame in _FRAME.finditer(traceback):
        if not _FOREIGN.search(frame["file"]):
            name = re.split(r"[/\\]", frame["file"])[-1]
            found = f"{name}:{frame['function']}:{(frame['source'] or '').strip()}"
    return found


def normalized(message: str) -> str:
    """The message without what differs from job to job."""
    text = message[:MAX_TEXT]
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return " ".join(text.split())
