from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_cli.top.format import (
    ASCII_SPARKS,
    GLYPHS,
    SPARKS,
    Pen,
    ago,
    clock,
    fit,
    rate,
    share,
    short,
    size,
    span,
)
from taskq_cli.top.widgets.plot import plot, stretch

PEN, ASCII = Pen(), Pen(ascii_only=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12, "12"), (9_999, "9999"), (12_345, "12.3k"), (999_949, "1M"), (1_300_000, "1.3M"),
     (7.2e9, "7.2G")],
)  # fmt: skip
def test_numbers_in_short(value: float, text: str) -> None:
    assert short(value) == text


@given(st.integers(min_value=0, max_value=10**14))
def test_a_short_number_takes_at_most_five_characters(value: int) -> None:
    assert len(short(value)) <= 5
    assert "e" not in short(value)


@given(st.floats(min_value=0, max_value=30 * 86_400))
def test_a_span_takes_at_most_six_characters(seconds: float) -> None:
    assert len(span(seconds)) <= 6
    assert "e" not in span(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (0.00034, "340us"), (0.35, "350ms"), (0.9999, "1.0s"), (4.2, "4.2s"),
     (9.96, "10s"), (42, "42s"),
     (99.7, "1m40s"), (185, "3m05s"), (360, "6m00s"), (720, "12m"), (4_800, "1h20m"),
     (3 * 86_400, "3d")],
)  # fmt: skip
def test_spans(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0004, "0.0"), (0.031, "3.1"), (0.9999, "100"), (1, "100")]
)
def test_shares(value: float, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.04, "0.0"), (3.14, "3.1"), (9.97, "10"), (212, "212")]
)
def test_rates(value: float, text: str) -> None:
    assert rate(value) == text


def test_bytes_and_times_of_day() -> None:
    assert (size(0), size(999), size(1536), size(48 * 2**20)) == ("0 B", "999 B", "1.5 KiB", "48 MiB")
    east = datetime(2026, 1, 5, 14, 4, 31, tzinfo=timezone(timedelta(hours=2)))
    assert clock(east) == "12:04:31Z"
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert ago(now - timedelta(seconds=42), now) == "42s"
    assert ago(now + timedelta(seconds=42), now) == "0s"
    assert ago(None, now) == ""


def test_counts_are_exact_below_a_million() -> None:
    assert [PEN.count(n) for n in (0, 999, 18_204, 999_999, 1_000_000)] == [
        "0", "999", "18 204", "999 999", "1M",
    ]  # fmt: skip


def test_a_forecast_that_never_ends_says_so() -> None:
    assert (PEN.eta(None), PEN.eta(float("inf")), PEN.eta(360)) == ("-", "∞", "6m00s")
    assert ASCII.eta(float("inf")) == "never"


def test_every_glyph_is_one_cell_and_has_a_twin_in_ascii() -> None:
    for name, (sign, twin) in GLYPHS.items():
        assert len(sign) == 1, name
        assert twin.isascii(), name


def test_a_glyph_of_a_state_differs_from_that_of_another() -> None:
    states = ("busy", "idle", "paused", "draining", "unserved", "limited")
    for place in (0, 1):
        assert len({GLYPHS[state][place] for state in states}) == len(states)


def test_bars_are_drawn_against_the_largest_value() -> None:
    assert PEN.spark([0, 1, 4, 8]) == "▁▂▅█"
    assert PEN.spark([0, 0]) == "▁▁"
    assert PEN.spark([]) == ""
    # a single job among many still shows
    assert PEN.spark([0.001, 1_000])[0] == SPARKS[1]
    assert set(ASCII.spark(range(9))) <= set(ASCII_SPARKS)


def test_text_that_is_too_long_is_cut_and_marked() -> None:
    assert fit("short", 8, PEN) == "short"
    assert fit("rather long", 8, PEN) == "rather …"
    assert fit("rather long", 8, ASCII) == "rather ~"


# -- charts ---------------------------------------------------------------------------------------


def test_a_chart_has_its_latest_value_at_the_right_and_zero_at_the_bottom() -> None:
    assert plot([0, 0, 2, 4], 2, 1, PEN) == [" ⣼"]
    assert plot([0, 1, 2], 3, 2, ASCII) == ["  #", " ##"]


def test_a_chart_has_the_size_it_was_asked_for() -> None:
    for values in ([], [0.0], [1.0] * 5, [float(n) for n in range(1_000)]):
        for pen in (PEN, ASCII):
            lines = plot(values, 40, 3, pen)
            assert [len(line) for line in lines] == [40, 40, 40]


def test_the_highest_value_fills_a_chart_and_the_smallest_one_is_seen() -> None:
    assert plot([8.0, 8.0], 1, 2, PEN) == ["⣿", "⣿"]
    assert plot([0.001, 0.001], 1, 1, PEN, top=1_000) == ["⣀"]
    assert plot([5_000.0, 5_000.0], 1, 1, PEN, top=1_000) == ["⣿"]


def test_no_peak_is_lost_when_many_values_share_a_cell() -> None:
    values = [0.0] * 999 + [7.0] + [0.0] * 1_000
    assert max(stretch(values, 10)) == 7
    assert stretch([3.0], 4) == [3.0] * 4
