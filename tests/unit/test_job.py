"""Options, receipts and claimed jobs as values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import (
    Backoff,
    InvalidOption,
    InvalidPayload,
    Job,
    JobOptions,
    NewJob,
    Priority,
    Receipt,
    Receipts,
    State,
)
from taskq_core.codec import Meta
from taskq_core.commands.produce import batches, groups_of, meta_of, read_receipts
from taskq_core.commands.work import job_of
from taskq_core.config import MAX_BATCH, MAX_BATCH_BYTES

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": "urgent"},
        {"delay": HOUR, "at": datetime.now(UTC)},
        {"retries": -1},
        {"retries": 1001},
        {"unique_for": HOUR},
    ],
)
def test_options_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        JobOptions(**fields)


@pytest.mark.parametrize("fields", [{"timeout": timedelta(0)}, {"keep": -HOUR}, {"timeout": timedelta.max}])
def test_times_out_of_range_are_refused_before_anything_is_sent(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        meta_of(JobOptions(**fields))


def test_levels_and_states_are_found_by_name_or_refused_with_all_names() -> None:
    assert (
        [Priority.of(p.value) for p in Priority]
        == [Priority.of_letter(p.letter) for p in Priority]
        == list(Priority)
    )
    assert "".join(p.letter for p in Priority) == "chnl"
    assert [State.of(s.value) for s in State] == list(State)
    for refused in (lambda: Priority.of("n"), lambda: State.of("Ready")):
        with pytest.raises(InvalidOption) as error:
            refused()
        assert "One of" in error.value.hint


# -- receipts ---------------------------------------------------------------------------------------

RUNS = st.lists(
    st.tuples(
        st.sampled_from("chnls"), st.integers(1, 10**13), st.integers(0, 99), st.integers(1, 5), st.booleans()
    ),
    max_size=5,
)


@given(RUNS, st.integers(-30, 30), st.integers(-30, 30))
def test_receipts_are_a_sequence_in_the_order_of_the_jobs(
    runs: list[tuple[str, int, int, int, bool]], i: int, j: int
) -> None:
    reply = " ".join(f"{'=' * dup}{letter}{head}-{first}*{n}" for letter, head, first, n, dup in runs)
    expected = [
        Receipt("q", f"{letter}{head}-{first + k}", dup)
        for letter, head, first, n, dup in runs
        for k in range(n)
    ]

    receipts: Sequence[Receipt] = read_receipts("q", reply)

    assert list(receipts) == [receipts[k] for k in range(len(receipts))] == expected
    assert receipts[i:j] == expected[i:j]
    assert list(reversed(receipts)) == expected[::-1]
    for index in (i, j):
        if -len(expected) <= index < len(expected):
            assert receipts[index] == expected[index]
        else:
            with pytest.raises(IndexError):
                receipts[index]


def test_receipts_of_several_calls_are_joined_in_order() -> None:
    one, two = read_receipts("q", "n5-0*2"), read_receipts("q", "l7-3*1")

    both = Receipts.joined("q", [one, two])

    assert len(both) == 3
    assert [str(receipt) for receipt in both] == ["q/n5-0", "q/n5-1", "q/l7-3"]
    assert both[2].ref.id == "l7-3"


# -- batches ----------------------------------------------------------------------------------------


def test_batches_hold_no_more_than_one_call_may_carry() -> None:
    many = list(batches(b"{}" for _ in range(2 * MAX_BATCH + 1)))
    third = b'{"x":"%b"}' % (b"x" * (MAX_BATCH_BYTES // 3 - 8))
    large = list(batches((third for _ in range(7)), limit=MAX_BATCH_BYTES))

    assert [len(batch) for batch in many] == [MAX_BATCH, MAX_BATCH, 1]
    assert [len(batch) for batch in large] == [3, 3, 1]
    assert list(batches([])) == []


def test_batches_are_made_as_they_are_asked_for() -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield b"{}"

    next(batches(endless()))

    assert taken == MAX_BATCH


def test_neighbours_with_the_same_task_and_options_go_together() -> None:
    late, key = JobOptions(delay=HOUR), JobOptions(unique="k")
    jobs = [("a", late), ("a", late), ("a", JobOptions()), ("b", JobOptions()), ("b", key), ("b", key)]

    groups = groups_of(NewJob(task, {}, options) for task, options in jobs)

    assert [(g.task, len(g.payloads)) for g in groups] == [("a", 2), ("a", 1), ("b", 1), ("b", 1), ("b", 1)]


def test_a_bad_payload_among_good_ones_refuses_the_call() -> None:
    with pytest.raises(InvalidPayload):
        groups_of([NewJob("a", {}), NewJob("a", "[]")])


# -- a claimed job ------------------------------------------------------------------------------------


def test_a_job_knows_its_attempt_from_attempts_made_and_crashes() -> None:
    meta = b'{"i":"s1763951707123-7","a":2,"r":5}'
    job = job_of("q", "h", b"1763951799999-0", [b"t", b'{"x":1}', b"@", meta], deliveries=3)

    assert (job.id, str(job.ref), job.task, job.priority) == (
        "s1763951707123-7",
        "q/s1763951707123-7",
        "t",
        "high",
    )
    assert (job.attempt, job.payload, job.meta) == (5, {"x": 1}, Meta(attempts=2, id=job.id, retries=5))
    assert job.enqueued_at == datetime(2025, 11, 24, 2, 35, 7, 123000, UTC)


def test_a_plain_job_is_named_by_its_entry() -> None:
    job = job_of("q", "n", b"1763951707123-0", [b"t", b"{}"])

    assert (job.id, job.attempt, job.meta) == ("n1763951707123-0", 1, Meta())
    assert job.payload is job.payload  # decoded once


@pytest.mark.parametrize("fields", [[], [b"t"], [b"t", b"{}", b"@"], [b"t", b"{}", b"x", b"{}"], [b"t"] * 6])
def test_an_entry_of_another_shape_is_no_job(fields: list[bytes]) -> None:
    with pytest.raises(InvalidPayload):
        job_of("q", "n", b"1-0", fields)


def test_a_payload_that_is_no_object_fails_when_it_is_read() -> None:
    job = Job("q", "n", b"1-0", b"t", b"[1]")

    with pytest.raises(InvalidPayload):
        assert job.payload


def test_a_backoff_travels_as_milliseconds() -> None:
    assert meta_of(JobOptions(backoff=Backoff(base=HOUR, factor=1.5, cap=2 * HOUR))).backoff == (
        3_600_000,
        1.5,
        7_200_000,
    )
