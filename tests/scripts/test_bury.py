"""bury: scheduled jobs die without a further attempt, with their error, and may be retried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import State
from taskq_core.commands import operate
from taskq_core.fingerprint import PATTERN
from tests.keyspace import remains
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def failing_job(rig: Rig, **options: object) -> str:
    """A job that failed once and waits for its next attempt."""
    (job_id,) = rig.add(**options)  # type: ignore[arg-type] # options of a job
    rig.hire()
    assert rig.run(rig.failing("w1", *rig.claim(), retries=1, delay_ms=60_000)) == 1
    return job_id


def test_a_buried_job_is_dead_with_its_last_error_and_attempts(rig: Rig) -> None:
    job_id = failing_job(rig, payload={"x": 1}, priority="high")
    before = rig.detail(job_id)

    (change,) = rig.client.bury("q", [job_id])

    after = rig.detail(job_id)
    assert (change.done, change.found) == (True, "scheduled")
    assert (after.state, after.attempts, after.payload, after.priority) == (State.DEAD, 1, b'{"x":1}', "high")
    assert after.error == before.error
    assert after.error is not None
    assert PATTERN.fullmatch(after.error.fingerprint)
    assert rig.totals() == {"enqueued": 1, "failed": 1, "retried": 1, "dead": 1}


def test_a_buried_job_that_is_retried_has_its_attempts_anew(rig: Rig) -> None:
    job_id = failing_job(rig)
    rig.client.bury("q", [job_id])
    rig.client.retry("q", [job_id])

    (job,) = rig.claim()
    assert (job.id, job.attempt) == (job_id, 2)
    rig.run(rig.failing("w1", job, retries=1, delay_ms=60_000))
    assert rig.state(job_id) is State.SCHEDULED


def test_a_delayed_job_that_never_ran_says_who_buried_it(rig: Rig) -> None:
    (job_id,) = rig.add(delay=HOUR)
    rig.client.bury("q", [job_id])
    error = rig.detail(job_id).error
    assert error is not None
    assert (error.type, error.message) == ("Buried", "buried by hand before it ran")
    rig.client.delete("q", [job_id])
    assert remains(rig.raw) == []


def test_what_is_not_scheduled_is_left_alone(rig: Rig) -> None:
    rig.hire()
    (dead,) = rig.bury()
    (running,) = rig.add()
    rig.claim()
    (ready,) = rig.add()
    before = rig.dump()

    changes = rig.client.bury("q", [dead, running, ready, "n1-0"])

    assert [(change.done, change.found) for change in changes] == [
        (False, "dead"),
        (False, "running"),
        (False, "ready"),
        (False, None),
    ]
    assert rig.dump() == before


def test_burying_twice_changes_nothing_more(rig: Rig) -> None:
    job_id = failing_job(rig)
    command = operate.bury(rig.keys, [job_id])
    rig.run(command)
    before = rig.dump()
    rig.run(command)
    assert rig.dump() == before


def test_burying_keeps_the_limit_of_the_dead_letter_queue(rig: Rig) -> None:
    rig.client.configure("q", dead_max=3)
    ids = rig.add(8, delay=HOUR)
    rig.client.bury("q", ids)
    assert rig.client.snapshot("q").dead == 3
    assert rig.totals()["trimmed"] == 5


@pytest.mark.parametrize("meta", [b"5", b"null", b"[]", b"{", b"", b'{"a":"x"}'])
def test_a_record_that_others_wrote_is_buried_as_it_is(rig: Rig, meta: bytes) -> None:
    (job_id,) = rig.add(delay=HOUR)
    rig.raw.hset(rig.keys.jobs, job_id, b"n t\n%b\n\n{}" % meta)

    assert [change.done for change in rig.client.bury("q", [job_id])] == [True]

    head, kept, error, payload = rig.raw.hget(rig.keys.dead_jobs, job_id).split(b"\n")
    assert (head, payload) == (b"n t", b"{}")
    assert kept in (meta, b'{"a":"x","g":"x"}', b'{"g":"x","a":"x"}')
    assert b"buried by hand" in error
