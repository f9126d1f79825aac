"""Spans of time as people write them: 500ms, 30s, 10m, 1h30m, 2d, 1w."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
MAX_CHARACTERS: Final = 40


def parse_duration(text: str) -> timedelta:
    """The span that a text like `1h30m` names. Raises: ValueError, with what is right."""
    written = text.strip().lower()
    if len(written) > MAX_CHARACTERS or not _WHOLE.fullmatch(written):
        raise ValueError(f"{text[:MAX_CHARACTERS]!r} is no duration: write 500ms, 30s, 10m, 1h30m or 2d")
    try:
        return sum((float(count) * UNITS[unit] for count, unit in _PART.findall(written)), timedelta())
    except OverflowError:
        raise ValueError(f"{text!r} is too long a duration") from None


def line_span(value: str | float | None) -> timedelta | None:
    """The span in a line of JSON: a text like `1h30m`, or seconds. Raises: ValueError."""
    if value is None or isinstance(value, str):
        return None if value is None else parse_duration(value)
    if value < 0:
        raise ValueError(f"a delay or duration of {value} seconds is less than none")
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise ValueError(f"{value} seconds are too many") from None


def parse_time(text: str) -> datetime:
    """The moment that an ISO time with a zone names; without a zone it is local time. Raises: ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text[:MAX_CHARACTERS]!r} is no time: write 2027-01-31T08:00:00Z or 2027-01-31T08:00"
        ) from None
    return moment.astimezone(UTC)


def format_duration(seconds: float) -> str:
    """A span in its two largest units, such as `1h30m`; below ten seconds with a fraction."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 10:
        return f"{seconds:.1f}s"
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def duration_option(text: str) -> timedelta:
    """`parse_duration` for the value of an option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def time_option(text: str) -> datetime:
    """`parse_time` for the value of an option."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
