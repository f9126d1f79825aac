"""A payload from arguments: `to=user@example.com attempts:=3`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from taskq_cli.sanitize import clean
from taskq_core import InvalidPayload, check_payload

MAX_READ: Final = 4 * 1024 * 1024
"""Bytes read from a file or stdin: more than any payload may have, so that the limit is what complains."""


def payload_of(text: str | None, pairs: Iterable[str]) -> bytes:
    """The payload that `--payload` and the arguments make together. Raises: InvalidPayload.

    ``text``: JSON, `@file`, or `-` for stdin; a pair `key=value` sets a string, `key:=json` any value.
    """
    base = b"{}" if text is None else check_payload(_read(text))
    values = dict(_pair(pair) for pair in pairs)
    if not values:
        return base
    return check_payload({**msgspec.json.decode(base, type=dict[str, Any]), **values})


def _read(text: str) -> bytes | str:
    if text == "-":
        return sys.stdin.buffer.read(MAX_READ)
    if not text.startswith("@"):
        return text
    try:
        with Path(text[1:]).open("rb") as file:
            return file.read(MAX_READ)
    except OSError as error:
        raise InvalidPayload(f"cannot read {clean(text[1:])}: {error.strerror}") from None


def _pair(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip(":"):
        raise InvalidPayload(
            f"{clean(text)!r} is neither key=value nor key:=json",
            hint="For example: to=user@example.com count:=3",
        )
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidPayload(f"the value of {clean(name[:-1])!r} is not JSON ({error})") from None
