"""What becomes of a failed attempt, decided without a server."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_core import Backoff, Discard, InvalidPayload, Job, Retry, UnknownTask
from taskq_core.codec import Meta, decode_record
from taskq_core.task import Policy
from taskq_core.worker.verdict import JobTimeout, Limits, Malformed, Poison, failed_run, limits_of, next_delay

FIXED = (1000, 1.0, 1000)
NO = ValueError("no")


def job(attempt: int = 1, **meta: object) -> Job:
    attempts = {"attempts": attempt - 1, "id": "n1-0"} if attempt > 1 else {}
    return Job("q", "n", b"1-0", b"t", b"{}", Meta(**attempts | meta))  # type: ignore[arg-type] # fields of Meta


@given(st.integers(0, 20), st.integers(1, 30), st.integers(0, 10))
def test_a_job_has_one_attempt_more_than_retries_and_as_many_again_when_granted(
    retries: int, attempt: int, granted: int
) -> None:
    one = job(attempt + granted, granted=granted)

    assert (next_delay(one, Limits(retries, FIXED, 0), NO) is None) is (attempt > retries)


@pytest.mark.parametrize(
    "error", [Discard("no"), Malformed("no"), Poison("no"), UnknownTask("t", ()), InvalidPayload("no")]
)
def test_some_errors_no_attempt_can_mend(error: Exception) -> None:
    assert next_delay(job(), Limits(100, FIXED, 0), error) is None


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (NO, 750, 1000),
        (JobTimeout("late"), 750, 1000),
        (Retry(), 750, 1000),
        (Retry(timedelta(seconds=7)), 7000, 7000),
        (Retry(timedelta(0)), 0, 0),
        (Retry(timedelta(seconds=-1)), 0, 0),
    ],
)
def test_the_others_wait_for_their_next_attempt(error: Exception, least: int, most: int) -> None:
    delay = next_delay(job(), Limits(1, FIXED, 0), error)

    assert delay is not None
    assert least <= delay <= most
    assert next_delay(job(2), Limits(1, FIXED, 0), error) is None


def test_the_backoff_counts_attempts_since_the_job_was_last_granted_some() -> None:
    limits = Limits(10, (1000, 10.0, 10**9), 0)

    for attempt, granted, whole in [(1, 0, 1000), (3, 0, 100_000), (6, 3, 100_000)]:
        delay = next_delay(job(attempt, granted=granted), limits, NO)
        assert delay is not None
        assert whole * 0.75 <= delay <= whole


def test_a_job_comes_before_its_task_its_task_before_the_queue_and_all_before_the_defaults() -> None:
    second = timedelta(seconds=1)
    task, queue = Policy(retries=5), Policy(6, Backoff(base=second, factor=7.0), 2 * second)

    assert limits_of(job(retries=0), (task, queue)).retries == 0
    assert limits_of(job(), (task, queue)) == Limits(5, (1000, 7.0, 900_000), 2000)
    assert limits_of(job(timeout=9, backoff=FIXED), (task, queue)) == Limits(5, FIXED, 9)
    assert limits_of(job(), (Policy(),)) == Limits(3, (1000, 2.0, 900_000), 0)


def test_a_retried_job_carries_its_id_attempts_and_error() -> None:
    one = Job("q", "h", b"17-3", b"task", b'{"x":1}', Meta(retries=9, unique="k"), deliveries=2)

    run = failed_run(one, Limits(9, FIXED, 0), NO)

    record = decode_record(run.record)
    assert (run.id, run.stream, run.entry) == ("h17-3", "h", b"17-3")
    assert run.delay is not None
    assert (record.level, record.task, record.payload) == ("h", "task", b'{"x":1}')
    assert record.meta == Meta(attempts=2, id="h17-3", retries=9, unique="k")
    assert record.error is not None
    assert (record.error.type, record.error.message) == ("ValueError", "no")


def test_a_buried_job_is_granted_its_attempts_anew_when_it_is_retried_by_hand() -> None:
    run = failed_run(job(4), Limits(3, FIXED, 0), NO)

    assert run.delay is None
    assert decode_record(run.record).meta == Meta(attempts=4, granted=4, id="n1-0")


@pytest.mark.parametrize(("keep", "delay"), [(0, 1), (60_000, 1), (0, None), (60_000, None)])
def test_an_outcome_is_kept_of_the_last_attempt_on_request(keep: int, delay: int | None) -> None:
    run = failed_run(job(keep=keep), Limits(0 if delay is None else 1, FIXED, 0), NO)

    assert bool(run.end.outcome) is (bool(keep) and delay is None)


class Nameless(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [Nameless(), ValueError("\udcff" * 99_999), type("X" * 9999, (Exception,), {})("m")]
)
def test_any_error_can_be_told(error: Exception) -> None:
    run = failed_run(job(), Limits(0, FIXED, 0), error)

    record = decode_record(run.record)
    assert record.error is not None
    assert record.error.type == type(error).__name__[:200]
    assert len(run.failure) < 2000
    assert json.loads(run.failure)["type"] == type(error).__name__[:200]


def test_errors_that_handlers_raise_on_purpose_come_without_a_traceback() -> None:
    for error, traced in [(Retry(reason="later"), False), (Discard("never"), False), (NO, True)]:
        failure = decode_record(failed_run(job(), Limits(0, FIXED, 0), error).record).error
        assert failure is not None
        assert bool(failure.traceback) is traced
