"""The worker's judgements: how much to take ahead, when a lease is over, how many threads are worth it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import InvalidOption, WorkerOptions
from taskq_core.worker.appetite import MAX_CLAIM, Appetite
from taskq_core.worker.lane import Thrift
from taskq_core.worker.leases import LeaseWatch

# -- appetite ---------------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 2)), max_size=30)


@given(st.integers(1, 100), st.integers(0, 100))
def test_nothing_is_taken_beyond_the_slots_before_short_runs_were_seen(slots: int, held: int) -> None:
    appetite = Appetite(slots)
    appetite.observe(0, 0.0)

    assert appetite.want(held, min(held, slots)) <= max(0, slots - held)
    assert appetite.want(0, 0) == min(slots, MAX_CLAIM)


@given(st.integers(1, 50), STEPS)
def test_what_is_held_at_most_doubles_and_is_never_more_than_50_ms_of_work(
    slots: int, steps: list[tuple[int, float]]
) -> None:
    appetite, finished, busy = Appetite(slots), 0, 0.0
    for jobs, seconds in steps:
        before = appetite.ahead
        finished, busy = finished + jobs, busy + seconds
        appetite.observe(finished, busy)
        assert slots <= appetite.ahead <= max(slots, 2 * before)
        held = appetite.want(0, 0)
        assert held <= max(slots, appetite.ahead)
        if seconds >= 0.05 and appetite.ahead > slots:  # seen long enough to be judged by alone
            # what was too little to judge by before counts now: fewer than there are slots
            assert appetite.ahead * seconds <= 0.051 * (jobs + slots) or appetite.ahead == before


def test_a_tenants_turn_is_longer_only_where_jobs_are_short() -> None:
    appetite = Appetite(10)
    assert appetite.turn == 1  # nothing is known yet

    for n in range(1, 12):
        appetite.observe(1000 * n, 0.1 * n)  # 1,000 in 100 ms
    assert appetite.turn == 8

    for n in range(1, 12):
        appetite.observe(11_000 + 10 * n, 1.1 + 10.0 * n)  # one a second
    assert appetite.turn == 1


@given(st.integers(1, 50), STEPS, st.integers(0, 2000))
def test_what_is_wanted_and_held_never_exceeds_what_may_be_held(
    slots: int, steps: list[tuple[int, float]], held: int
) -> None:
    appetite, finished, busy = Appetite(slots), 0, 0.0
    for jobs, seconds in steps:
        finished, busy = finished + jobs, busy + seconds
        appetite.observe(finished, busy)

    wanted = appetite.want(held, min(held, slots))

    assert 0 <= wanted <= MAX_CLAIM
    assert wanted == 0 or held + wanted <= appetite.ahead


def test_long_jobs_bring_the_appetite_back_to_the_slots() -> None:
    appetite = Appetite(10)
    for n in range(1, 12):
        appetite.observe(n * 5000, n * 0.1)
    assert appetite.ahead > 500

    appetite.observe(55_001, 1.1 + 1.0)

    assert appetite.ahead == 10


def test_a_free_slot_is_filled_at_once_and_small_gaps_are_not() -> None:
    appetite = Appetite(4)
    appetite.observe(4000, 0.2)
    appetite.observe(8000, 0.4)
    appetite.observe(12000, 0.6)
    assert appetite.ahead == 32

    assert appetite.want(held=2, running=2) == 30
    assert appetite.want(held=31, running=4) == 0
    assert appetite.want(held=20, running=4) == 12


# -- leases -----------------------------------------------------------------------------------------

OVER = {"w": "1000"}
NOW = 5000
LEASE = 2.0


def looks(
    watch: LeaseWatch, until: float, *, start: float = 0.0, step: float = 0.5
) -> list[tuple[float, list[str]]]:
    """What a maintainer that looks every half second finds."""
    times = [start + k * step for k in range(int((until - start) / step) + 1)]
    return [(at, watch.expired(OVER, NOW, at)) for at in times]


def test_a_lease_is_over_when_it_stood_still_for_its_whole_length() -> None:
    found = looks(LeaseWatch(LEASE), 3.0)

    assert [at for at, dead in found if dead] == [2.0, 2.5, 3.0]


def test_a_longer_lease_is_watched_for_all_that_was_left_of_it_also_when_the_clock_was_set_forward() -> None:
    watch = LeaseWatch(LEASE)
    watch.expired({"w": "13000"}, NOW, 0.0)

    found = [watch.expired({"w": "13000"}, 10**9, at * 0.5) for at in range(20)]

    assert found.index(["w"]) == 17


def test_a_lease_that_ends_late_is_asked_about_when_it_stood_still() -> None:
    watch = LeaseWatch(LEASE)

    found = [watch.expired({"w": "3605000"}, NOW, at * 0.5) for at in range(6)]

    assert found == [[], [], [], [], ["w"], ["w"]]


def test_a_lease_ends_also_when_the_servers_clock_was_set_back() -> None:
    watch = LeaseWatch(LEASE)
    watch.expired(OVER, 500, 0.0)

    found = [watch.expired(OVER, 500 - 3_600_000, at * 0.5) for at in range(1, 6)]

    assert found == [[], [], [], ["w"], ["w"]]


def test_a_renewed_lease_begins_anew_even_when_it_looks_over() -> None:
    """As when the server's clock was set forward: every lease is over by it, and each is renewed."""
    watch = LeaseWatch(LEASE)

    assert all(watch.expired({"w": str(1000 + k // 2)}, 10**12, k * 0.5) == [] for k in range(20))


def test_a_gap_in_looking_counts_for_a_quarter_of_a_lease_at_most() -> None:
    """Watched for a quarter before the server was away; then half a lease is left to be heard again."""
    watch = LeaseWatch(LEASE)
    looks(watch, 0.5)

    found = looks(watch, 8.0, start=5.0)

    assert [at for at, dead in found if dead][:1] == [6.0]


def test_a_worker_heard_before_and_after_a_gap_is_not_dead() -> None:
    watch = LeaseWatch(LEASE)
    for at, expiry in [
        (0.0, "1"),
        (0.5, "2"),
        (1.0, "2"),
        (100.0, "2"),
        (100.5, "2"),
        (101.0, "3"),
        (102.5, "3"),
    ]:
        assert watch.expired({"w": expiry}, NOW, at) == []


def test_a_worker_that_was_gone_and_is_back_begins_anew() -> None:
    watch = LeaseWatch(LEASE)
    looks(watch, 1.5)
    assert watch.expired({}, NOW, 2.0) == []

    assert watch.expired(OVER, NOW, 2.5) == []


# -- threads ----------------------------------------------------------------------------------------


def test_a_thread_gets_one_job_until_a_run_time_is_known() -> None:
    thrift = Thrift(4)

    assert (thrift.batch(1000), thrift.threads) == (1, 4)


@given(st.integers(1, 64), st.floats(1e-6, 1.0), st.integers(0, 5000))
def test_a_batch_is_no_more_than_2_ms_of_work(slots: int, mean_s: float, waiting: int) -> None:
    thrift = Thrift(slots)
    thrift.observe(1, mean_s, mean_s, alone=True)

    batch = thrift.batch(waiting)

    assert 1 <= batch <= 64
    assert batch == 1 or batch * mean_s <= 0.0021
    assert batch <= waiting + 1


@pytest.mark.parametrize(("cpu_share", "threads"), [(1.0, 1), (0.5, 2), (0.01, 8)])
def test_short_functions_get_as_many_threads_as_their_waiting_is_worth(
    cpu_share: float, threads: int
) -> None:
    thrift = Thrift(8)
    thrift.observe(10, 0.001, 0.001 * cpu_share, alone=True)
    for _ in range(20):
        thrift.observe(10, 0.02, 0.001, alone=False)  # threads that fight look as if they waited

    assert thrift.threads == threads


def test_once_in_a_while_a_thread_works_alone_to_be_looked_at() -> None:
    thrift = Thrift(8)
    thrift.observe(10, 0.001, 0.001, alone=False)
    assert thrift.threads == 1  # nothing was seen alone so far

    thrift.observe(10, 0.001, 0.00001, alone=True)
    asked = [thrift.threads]
    for _ in range(100):
        thrift.observe(10, 0.001, 0.001, alone=False)
        asked.append(thrift.threads)

    assert asked == [8] * 100 + [1]


def test_long_functions_get_all_threads() -> None:
    thrift = Thrift(8)
    thrift.observe(1, 0.1, 0.1, alone=False)

    assert thrift.threads == 8
    thrift.forget()
    assert thrift.batch(100) == 1


# -- options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 10_001),
        ("max_jobs", 0),
        ("max_crashes", 0),
        ("max_crashes", 1001),
        ("lease", timedelta(milliseconds=299)),
        ("lease", timedelta(hours=2)),
        ("grace", timedelta(seconds=-1)),
        ("grace", timedelta(days=2)),
        ("starvation_guard", -1),
    ],
)
def test_worker_options_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match=name.split("_")[0]):
        WorkerOptions(**{name: value})
