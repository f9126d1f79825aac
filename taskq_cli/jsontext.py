"""JSON as every command prints it: one line, ASCII only, so that no terminal can be driven by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

_encode: Final = msgspec.json.encode
_HIDDEN: Final = re.compile(r"[^\x20-\x7e]")
_ESCAPE: Final = re.compile(rb"\\(?:u([dD][89abAB]..)\\u([dD][c-fC-F]..)|u(....)|.)")
_BLANK: Final = frozenset("\t\n\r")


def ascii_json(value: object) -> str:
    """The value as JSON; what is not printable ASCII is written as an escape."""
    return ascii_text(_encode(value).decode(errors="replace"))


def ascii_text(text: str) -> str:
    """JSON text with the same meaning, on one line and in printable ASCII."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_escape, text)


def unescaped(raw: bytes) -> bytes:
    """Valid JSON with the same meaning in UTF-8: what `ascii_text` escaped takes up its old room again."""
    return _ESCAPE.sub(_plain, raw) if b"\\u" in raw else raw


def _plain(match: re.Match[bytes]) -> bytes:
    high, low, single = match.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00).encode()
    code = 0 if single is None else int(single, 16)
    # ASCII may need its escape; half of a pair cannot do without
    if code < 0x7F or 0xD800 <= code < 0xE000:
        return match.group()
    return chr(code).encode()


def embedded(raw: bytes | None) -> msgspec.Raw | str | None:
    """Stored JSON, to stand in a record exactly as it was sent; as a string when it is not JSON."""
    if raw is None:
        return None
    try:
        msgspec.json.decode(raw)
        raw.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return raw.decode(errors="replace")
    return msgspec.Raw(raw)


def rfc3339(moment: datetime | None) -> str | None:
    """A time in UTC with milliseconds: 2027-01-31T08:00:00.000Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    # line breaks and tabs can only stand between the tokens of valid JSON
    if char in _BLANK:
        return " "
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
