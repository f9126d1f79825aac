"""Spans and moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from taskq_cli.durations import format_duration, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1.5h", timedelta(minutes=90)),
        (" 10M ", timedelta(minutes=10)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_read(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "10", "ten minutes", "-5s", "5 s", "1h-30m", "5x", "nan", "1e3s", "9" * 30 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_a_time_with_a_zone_is_read() -> None:
    assert parse_time("2027-01-31T08:00:00Z") == datetime(2027, 1, 31, 8, tzinfo=UTC)
    assert parse_time("2027-01-31T08:00:00+02:00") == datetime(2027, 1, 31, 6, tzinfo=UTC)


def test_a_time_without_a_zone_is_local() -> None:
    assert parse_time("2027-01-31 08:00") == datetime(2027, 1, 31, 8).astimezone(UTC)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time"):
        parse_time("tomorrow")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250ms"), (4.2, "4.2s"), (59, "59s"), (3600, "1h"), (5400, "1h30m"), (90_061, "1d1h")],
)
def test_a_span_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
