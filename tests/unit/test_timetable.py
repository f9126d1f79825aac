"""Cron lines and spans as times, against tables of known days; no clock, no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskq_core import InvalidOption
from taskq_core.clock import instant_ms, moment
from taskq_core.timetable import COUNTED, span_text, timetable, zone

BERLIN = "Europe/Berlin"
LORD_HOWE = "Australia/Lord_Howe"


def local(spec: str, tz: str, start: str, count: int) -> list[str]:
    """The times after a local one, as a clock there shows them, with its offset."""
    times = timetable(spec, tz)
    ms: int | None = instant_ms(datetime.fromisoformat(start).replace(tzinfo=zone(tz)))
    found = []
    for _ in range(count):
        assert ms is not None
        ms = times.after(ms)
        assert ms is not None
        found.append(moment(ms).astimezone(zone(tz)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize("line", ["30 2 * * *", "0 30 2 * * *"])
def test_a_daily_job_runs_once_on_the_day_that_skips_its_hour(line: str) -> None:
    assert local(line, BERLIN, "2026-03-28T00:00", 3) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


@pytest.mark.parametrize("line", ["30 2 * * *", "0 30 2 * * *"])
def test_a_daily_job_runs_once_on_the_day_that_has_its_hour_twice(line: str) -> None:
    assert local(line, BERLIN, "2026-10-24T00:00", 3) == [
        "2026-10-24T02:30+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_a_daily_job_does_not_run_again_when_asked_for_in_the_second_of_the_two_hours() -> None:
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10+01:00

    assert timetable("30 2 * * *", BERLIN).after(instant_ms(second)) == instant_ms(
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    )


def test_an_hourly_job_runs_in_each_real_hour() -> None:
    assert local("30 * * * *", BERLIN, "2026-03-29T01:00", 3) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:30+02:00",
        "2026-03-29T04:30+02:00",
    ]
    assert local("30 * * * *", BERLIN, "2026-10-25T01:00", 4) == [
        "2026-10-25T01:30+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:30+01:00",
    ]


def test_a_clock_that_is_turned_by_half_an_hour() -> None:
    assert local("*/30 * * * *", LORD_HOWE, "2026-04-05T01:00", 4) == [
        "2026-04-05T01:30+11:00",
        "2026-04-05T01:30+10:30",
        "2026-04-05T02:00+10:30",
        "2026-04-05T02:30+10:30",
    ]
    assert local("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", 2) == [
        "2026-10-04T02:30+11:00",
        "2026-10-05T02:15+11:00",
    ]


def test_a_day_that_a_country_left_out() -> None:
    assert local("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00", 3) == [
        "2011-12-29T12:00-10:00",
        "2011-12-31T00:00+14:00",
        "2011-12-31T12:00+14:00",
    ]


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("0 0 29 2 *", "2028-02-29T00:00+00:00", "2032-02-29T00:00+00:00"),
        ("0 0 L 2 *", "2027-02-28T00:00+00:00", "2028-02-29T00:00+00:00"),
        ("0 9 LW * *", "2026-11-30T09:00+00:00", "2026-12-31T09:00+00:00"),
        ("0 9 * * MON#1", "2026-12-07T09:00+00:00", "2027-01-04T09:00+00:00"),
        ("0 0 13 * FRI", "2026-11-27T00:00+00:00", "2026-12-04T00:00+00:00"),
        ("@yearly", "2027-01-01T00:00+00:00", "2028-01-01T00:00+00:00"),
        ("@hourly", "2026-11-24T13:00+00:00", "2026-11-24T14:00+00:00"),
        ("every 90s", "2026-11-24T12:01+00:00", "2026-11-24T12:03+00:00"),
    ],
)
def test_known_days(line: str, first: str, second: str) -> None:
    assert local(line, "UTC", "2026-11-24T12:00", 2) == [first, second]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("0 0 30 2 *", "never comes true"),
        ("0 0 31 2,4 *", "never comes true"),
        ("0 0 */31 2 MON#5", "never comes true"),
        ("61 * * * *", "'61' at column 1 is no minute"),
        ("0 0 1,32 * *", "'32' at column 7 is no day of month"),
        ("0  24 * * *", "'24' at column 4 is no hour"),
        ("60 0 0 * * *", "'60' at column 1 is no second"),
        ("* * * * MON-SON", "'MON-SON' at column 9 is no day of week"),
        ("* * * *", "has 4 fields"),
        ("@reboot", "unknown schedule"),
        ("every", "names no span"),
        ("every 5 parsecs", "names no span"),
        ("every 500ms", "out of range"),
        ("every 3660d", "out of range"),
        ("", "needs a cron line"),
        ("* * * * *\n", "needs a cron line"),
        ("* " * 200, "longer than"),
        ("1/0 * * * *", "'1/0' at column 1"),
        ("²L * * * *", "at column 1"),
        ("9" * 180 + " * * * *", "is no minute"),
    ],
)
def test_what_cannot_be_right_is_refused_at_once_and_says_where(spec: str, said: str) -> None:
    with pytest.raises(InvalidOption) as error:
        timetable(spec)

    assert said in str(error.value)
    assert error.value.hint or "longer" in said


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Europe/Belin", "Europe/Berlin"),
        ("berlin", "Did you mean Europe/Berlin?"),
        ("new york", "America/New_York"),
        ("../../etc/passwd", "A name of the IANA list"),
        ("/etc/passwd", "A name of the IANA list"),
        ("Europe", "Did you mean"),
        ("\0", "A name of the IANA list"),
        ("x" * 5000, "A name of the IANA list"),
    ],
)
def test_an_unknown_time_zone_is_answered_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(InvalidOption, match="unknown time zone") as error:
        zone(name)

    assert near in error.value.hint


def test_the_latest_times_of_a_long_absence_are_found_without_going_through_all_of_it() -> None:
    day = 24 * 3600 * 1000
    end = instant_ms(datetime(2026, 11, 24, tzinfo=UTC))

    for spec, step, count in (
        ("every 1s", 1000, 86_400),
        ("* * * * * *", 1000, COUNTED),
        ("*/5 * * * *", 300_000, 288),
    ):
        latest, counted = timetable(spec).between(end - day, end, 100)
        assert counted == count
        assert latest == [end - step * back for back in range(len(latest) - 1, -1, -1)]
        assert 50 < len(latest) <= 100
    assert timetable("0 0 1 * *").between(end - day, end, 100) == ([], 0)
    assert timetable("@daily").between(end - day, end, 1) == ([end], 1)


def test_spans() -> None:
    assert span_text(timedelta(minutes=1)) == "60000ms"
    assert span_text("30s") == "30s"
    with pytest.raises(InvalidOption, match="whole number of ms"):
        span_text(timedelta(microseconds=1500))


PIECES = st.sampled_from([*"0123456789*/-,#LW ?", "MON", "jan", "every ", "@", "s", "é", "\x1b", "59", "31"])


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_timetable_or_refused(text: str) -> None:
    refused = None
    try:
        times = timetable(text)
    except InvalidOption as error:
        refused = error
    if refused is not None:
        assert str(refused).isprintable()
        return
    after = times.after(1_700_000_000_000)
    assert after is not None
    assert after > 1_700_000_000_000


MINUTES = {"*": range(60), "0": [0], "30": [30], "*/7": range(0, 60, 7), "1-5": range(1, 6), "5,2": [2, 5]}
HOURS = {"*": range(24), "*/2": range(0, 24, 2)}
DAYS = {"*": range(7), "MON": [0], "SUN": [6]}
ZONES = ("UTC", BERLIN, LORD_HOWE, "America/New_York", "Asia/Kathmandu", "Africa/Casablanca")
TURNS = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2026-02-15")


@given(
    st.sampled_from(sorted(MINUTES)), st.sampled_from(sorted(HOURS)), st.sampled_from(sorted(DAYS)),
    st.sampled_from(ZONES), st.tuples(st.sampled_from(TURNS), st.integers(-600, 1800)),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_with_a_star_the_next_time_is_the_first_minute_that_a_clock_shows(
    minute: str, hour: str, day: str, tz: str, start: tuple[str, int]
) -> None:
    moment_utc = datetime.fromisoformat(start[0]).replace(tzinfo=UTC) + timedelta(minutes=start[1])
    expected = moment_utc + timedelta(minutes=1)
    while not (
        (shown := expected.astimezone(zone(tz))).minute in MINUTES[minute]
        and shown.hour in HOURS[hour]
        and shown.weekday() in DAYS[day]
    ):
        expected += timedelta(minutes=1)

    assert timetable(f"{minute} {hour} * * {day}", tz).after(instant_ms(moment_utc)) == instant_ms(expected)


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES))
@settings(max_examples=20, deadline=None)
def test_with_a_fixed_time_each_day_of_the_year_counts_once(hour: int, minute: int, tz: str) -> None:
    times = timetable(f"{minute} {hour} * * *", tz)
    ms = instant_ms(datetime(2026, 1, 1, tzinfo=zone(tz))) - 1
    days = []
    for _ in range(365):
        after = times.after(ms)
        assert after is not None
        ms = after
        days.append(moment(ms).astimezone(zone(tz)).date().toordinal())

    assert days == list(range(days[0], days[0] + 365))
