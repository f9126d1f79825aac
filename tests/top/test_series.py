from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from taskq_cli.top.frame import COUNTED
from taskq_cli.top.series import Series
from taskq_core import Minute

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
T0 = NOON.timestamp()


def totals(enqueued: int = 0, done: int = 0) -> tuple[int, ...]:
    given = {"enqueued": enqueued, "done": done}
    return tuple(given.get(name, 0) for name in COUNTED)


def minute(back: int, enqueued: int) -> Minute:
    return Minute(NOON - timedelta(minutes=back), {"enqueued": enqueued}, None, None)


def test_a_rate_is_what_was_counted_between_two_points() -> None:
    series = Series()
    for second in range(11):
        series.add(T0 + second, totals(enqueued=40 * second, done=10 * second))

    assert series.rate(T0 + 10, 10, "enqueued") == pytest.approx(40)
    assert series.rate(T0 + 10, 10, "done") == pytest.approx(10)


def test_a_stretch_that_begins_before_the_first_point_counts_only_from_there() -> None:
    series = Series([T0, T0 + 2], [totals(), totals(enqueued=20)])

    assert series.rate(T0 + 2, 10, "enqueued") == pytest.approx(10)


def test_a_stretch_between_two_points_takes_its_part_of_the_line() -> None:
    series = Series([T0, T0 + 10], [totals(), totals(enqueued=100)])

    assert series.at(T0 + 2.5, "enqueued") == pytest.approx(25)
    assert series.rate(T0 + 7, 2, "enqueued") == pytest.approx(10)


def test_nothing_and_a_single_point_give_no_rate() -> None:
    assert Series().rate(T0, 10, "enqueued") == 0
    assert Series().at(T0, "enqueued") == 0
    assert Series([T0], [totals(5)]).rate(T0, 10, "enqueued") == 0


def test_counts_that_began_anew_give_no_rate_below_zero() -> None:
    series = Series([T0, T0 + 1], [totals(enqueued=1_000), totals(enqueued=3)])

    assert series.rate(T0 + 1, 1, "enqueued") == 0


def test_a_point_that_is_not_later_takes_the_place_of_the_last() -> None:
    series = Series([T0, T0 + 1], [totals(), totals(enqueued=4)])
    series.add(T0 + 0.5, totals(enqueued=6))

    assert series.times == [T0, T0 + 1]
    assert series.totals[-1] == totals(enqueued=6)


def test_the_past_is_made_from_the_servers_minutes_so_that_each_has_its_rate() -> None:
    series = Series()
    now = T0 + 30
    series.seed(now, totals(enqueued=1_000), [minute(0, 30), minute(1, 120), minute(2, 600)])
    series.add(now, totals(enqueued=1_000))

    assert series.rate(now, 30, "enqueued") == pytest.approx(1)
    assert series.rate(T0, 60, "enqueued") == pytest.approx(2)
    assert series.rate(T0 - 60, 60, "enqueued") == pytest.approx(10)
    assert series.at(now, "enqueued") == 1_000


def test_minutes_in_which_nothing_was_counted_are_no_slope_between_their_neighbours() -> None:
    series = Series()
    series.seed(T0 + 30, totals(enqueued=500), [minute(0, 30), minute(5, 120)])

    assert series.rate(T0, 180, "enqueued") == 0
    assert series.rate(T0 - 4 * 60, 60, "enqueued") == pytest.approx(2)


def test_a_past_that_ended_long_ago_leaves_no_rate_now() -> None:
    series = Series()
    series.seed(T0 + 30, totals(enqueued=500), [minute(20, 500)])
    series.add(T0 + 30, totals(enqueued=500))

    assert series.rate(T0 + 30, 60, "enqueued") == 0


def test_rates_of_equal_stretches_add_up_to_the_whole() -> None:
    series = Series()
    for second in range(101):
        series.add(T0 + second, totals(enqueued=second * second))

    rates = series.rates(T0 + 100, 100, 10, "enqueued")

    assert rates == sorted(rates)
    assert sum(rate * 10 for rate in rates) == pytest.approx(100 * 100)


def test_old_points_go_and_of_older_ones_one_a_spacing_stays() -> None:
    series = Series()
    for second in range(601):
        series.add(T0 + second, totals(enqueued=second * 7))

    series.forget(T0 + 100, 30)

    assert series.times[0] >= T0 + 100
    assert len(series.times) < 100
    assert len([time for time in series.times if time >= T0 + 540]) == 61
    assert series.rate(T0 + 400, 100, "enqueued") == pytest.approx(7)


@pytest.mark.parametrize("many", [5.0, 30.0])
def test_thinning_again_and_again_keeps_the_spacing(many: float) -> None:
    series = Series()
    for second in range(1_200):
        series.add(T0 + second, totals(enqueued=second * 7))
        if second % 60 == 0:
            series.forget(T0, many)

    old = [time for time in series.times if time < T0 + 1_000]
    assert max(b - a for a, b in pairwise(old)) <= many + 1
    assert len(old) <= 1_000 / many + 62
