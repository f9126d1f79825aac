"""The two clocks: wall time for what is stored, monotonic time for differences."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from taskq_core.errors import InvalidOption

MAX_SPAN_MS = 100 * 366 * 24 * 3600 * 1000
"""A hundred years: the longest span anywhere."""
_LAST_MS = 253_402_300_799_000
"""The last second of the year 9999, which is where datetime ends."""

monotonic = time.monotonic
precise = time.perf_counter


def wall_ms() -> int:
    """Milliseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1_000_000


def to_ms(span: timedelta) -> int:
    """Whole milliseconds of a span."""
    return span // timedelta(milliseconds=1)


def positive_ms(span: timedelta, what: str) -> int:
    """Whole milliseconds of a span of at least 1 ms and at most 100 years. Raises: InvalidOption."""
    ms = to_ms(span)
    if not 1 <= ms <= MAX_SPAN_MS:
        raise InvalidOption(f"{what} must be between 1 ms and 100 years, not {span}")
    return ms


def instant_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime. Raises: InvalidOption for a naive one."""
    if moment.tzinfo is None:
        raise InvalidOption(
            "a time needs a time zone", hint="For example datetime.now(UTC) + timedelta(hours=1)"
        )
    return round(moment.timestamp() * 1000)


def moment(ms: int) -> datetime:
    """The aware UTC datetime of a stored time; one out of range, as anybody may write it, is the nearest."""
    return datetime.fromtimestamp(min(max(ms, 0), _LAST_MS) / 1000, UTC)
