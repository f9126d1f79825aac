"""Clocks, backoff and histograms: times in, whole milliseconds out, nothing out of range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import Backoff, InvalidOption
from taskq_core.backoff import delay_ms
from taskq_core.clock import instant_ms, moment, positive_ms, to_ms, wall_ms
from taskq_core.histogram import bucket, middle_us, quantile_us

YEAR = timedelta(days=366)


@pytest.mark.parametrize(
    ("span", "ms"),
    [
        (timedelta(milliseconds=1), 1),
        (timedelta(microseconds=1999), 1),
        (timedelta(seconds=1.5), 1500),
        (100 * YEAR, 100 * 366 * 24 * 3600 * 1000),
    ],
)
def test_spans_become_whole_milliseconds(span: timedelta, ms: int) -> None:
    assert positive_ms(span, "it") == to_ms(span) == ms


@pytest.mark.parametrize(
    "span", [timedelta(0), timedelta(microseconds=999), timedelta(seconds=-1), 101 * YEAR, timedelta.max]
)
def test_spans_out_of_range_are_refused_by_name(span: timedelta) -> None:
    with pytest.raises(InvalidOption, match="delay must be"):
        positive_ms(span, "delay")


def test_a_time_needs_a_time_zone() -> None:
    with pytest.raises(InvalidOption, match="time zone"):
        instant_ms(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=45))]
)
def test_an_instant_is_the_same_in_every_zone(zone: timezone) -> None:
    at = datetime(2026, 11, 24, 4, 15, 33, 127000, UTC)

    assert instant_ms(at.astimezone(zone)) == 1795493733127
    assert moment(1795493733127) == at


def test_the_wall_clock_is_now() -> None:
    assert [moment(ms).year for ms in (-1, 10**15, 10**18)] == [1970, 9999, 9999]
    assert abs(moment(wall_ms()) - datetime.now(UTC)) < timedelta(seconds=5)


# -- backoff ------------------------------------------------------------------------------------

BACKOFFS = st.builds(
    Backoff,
    base=st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)),
    factor=st.floats(1.0, 100.0),
    cap=st.timedeltas(timedelta(milliseconds=1), timedelta(days=30)),
)


@given(BACKOFFS, st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_at_least_1_ms_and_never_over_the_cap(
    backoff: Backoff, failures: int, rand: float
) -> None:
    base, factor, cap = backoff.wire()

    delay = delay_ms(failures, (base, factor, cap), lambda: rand)

    assert 1 <= delay <= cap
    whole = min(cap, base * factor ** min(failures - 1, 64))
    assert delay >= max(1, round(whole * 0.75) - 1)


@given(BACKOFFS, st.integers(1, 100))
def test_delays_never_shrink_from_failure_to_failure(backoff: Backoff, failures: int) -> None:
    first, second = (delay_ms(n, backoff.wire(), lambda: 0.0) for n in (failures, failures + 1))

    assert second >= first


def test_the_default_delays_double_up_to_a_quarter_of_an_hour() -> None:
    delays = [delay_ms(n, Backoff().wire(), lambda: 0.0) for n in range(1, 13)]

    assert delays[:4] == [1000, 2000, 4000, 8000]
    assert delays[-2:] == [900_000, 900_000]


def test_jitter_takes_up_to_a_quarter_away() -> None:
    wire = Backoff(base=timedelta(seconds=100), factor=1).wire()

    assert [delay_ms(1, wire, lambda r=r: r) for r in (0.0, 0.5, 0.999999)] == [100_000, 87_500, 75_000]  # type: ignore[misc] # a default binds early


@pytest.mark.parametrize(
    "fields",
    [
        {"factor": 0.99},
        {"factor": 101.0},
        {"factor": float("nan")},
        {"base": timedelta(0)},
        {"cap": timedelta(seconds=-1)},
    ],
)
def test_a_backoff_out_of_range_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(InvalidOption):
        Backoff(**fields)  # type: ignore[arg-type] # also of a wrong kind


# -- histogram ----------------------------------------------------------------------------------


@given(st.integers(0, 10**13))
def test_a_bucket_holds_its_time_to_within_4_percent(us: int) -> None:
    assert middle_us(bucket(us)) == pytest.approx(us, rel=0.035, abs=0.5)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_longer_times_never_fall_into_lower_buckets(a: int, b: int) -> None:
    assert (bucket(a) <= bucket(b)) or a > b


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300), st.floats(0.01, 1.0))
def test_a_quantile_is_within_4_percent_of_the_exact_one(times: list[int], share: float) -> None:
    counts: dict[int, int] = {}
    for us in times:
        counts[bucket(us)] = counts.get(bucket(us), 0) + 1

    exact = sorted(times)[max(1, round(share * len(times))) - 1]
    assert quantile_us(counts, share) == pytest.approx(exact, rel=0.035, abs=0.5)


def test_no_times_have_no_quantile_and_negative_ones_count_as_nought() -> None:
    assert quantile_us({}, 0.5) is None
    assert bucket(-5) == 0
