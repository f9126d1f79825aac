"""cancel, retry, delete: each does what the job's state allows, says which state it found, and counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import InvalidName, InvalidOption, State
from taskq_core.commands import operate, work
from tests.keyspace import remains
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def in_state(rig: Rig, state: str) -> str:
    """The id of a job in a state, by whatever way jobs get there."""
    rig.hire()
    if state == "dead":
        return rig.bury()[0]
    (job_id,) = rig.add(delay=HOUR if state in ("scheduled", "promoted") else None)
    if state == "promoted":
        rig.make_due(job_id)
        rig.promote()
    elif state in ("running", "given back", "retrying"):
        jobs = rig.claim()
        if state == "given back":
            rig.run(work.release(rig.keys, "w1", jobs))
        elif state == "retrying":
            rig.run(rig.failing("w1", *jobs, retries=1, delay_ms=60_000))
    return job_id


WAITING = {
    "ready": "ready", "promoted": "ready", "given back": "ready",
    "scheduled": "scheduled", "retrying": "scheduled",
}  # fmt: skip


@pytest.mark.parametrize(("way", "found"), WAITING.items())
def test_cancelling_removes_a_waiting_job_and_nothing_is_left(rig: Rig, way: str, found: str) -> None:
    job_id = in_state(rig, way)

    (change,) = rig.client.cancel("q", [job_id])

    assert (change.ref.id, change.done, change.found) == (job_id, True, found)
    assert remains(rig.raw) == [f"{rig.keys.leases} holds 1"]
    assert rig.pending("-") == {}
    assert rig.totals()["cancelled"] == 1
    assert rig.client.cancel("q", [job_id])[0].found is None


def test_cancelling_a_running_job_tells_its_worker_and_nobody_else(rig: Rig) -> None:
    job_id = in_state(rig, "running")
    rig.hire("w2")

    (change,) = rig.client.cancel("q", [job_id])

    assert (change.done, change.found) == (True, "running")
    assert rig.raw.lrange(rig.keys.told("w1"), 0, -1) == [b'{"cancel":"%b"}' % job_id.encode()]
    assert rig.raw.exists(rig.keys.told("w2")) == 0
    assert rig.state(job_id) is State.RUNNING


@pytest.mark.parametrize("state", ["dead", "unknown"])
def test_cancelling_leaves_the_dead_and_the_unknown_alone(rig: Rig, state: str) -> None:
    job_id = in_state(rig, "dead") if state == "dead" else "n1-0"
    before = rig.dump()

    (change,) = rig.client.cancel("q", [job_id])

    assert (change.done, change.found) == (False, "dead" if state == "dead" else None)
    assert rig.dump() == before


def test_a_job_whose_group_is_missing_can_be_cancelled(rig: Rig) -> None:
    (job_id,) = rig.add()  # no worker ever came

    assert rig.client.cancel("q", [job_id])[0].done


# -- retry ------------------------------------------------------------------------------------


def test_a_dead_job_is_ready_again_with_its_attempts_granted_anew(rig: Rig) -> None:
    job_id = in_state(rig, "dead")

    (change,) = rig.client.retry("q", [job_id])

    assert (change.done, change.found) == (True, "dead")
    assert rig.raw.exists(rig.keys.dead, rig.keys.dead_jobs) == 0
    assert rig.totals()["revived"] == 1
    (job,) = rig.claim()
    assert (job.id, job.attempt, job.attempt - job.meta.granted) == (job_id, 2, 1)
    assert rig.run(rig.failing("w1", job, retries=1)) == 1
    assert (rig.state(job_id), rig.detail(job_id).attempts) == (State.SCHEDULED, 2)


def test_attempts_never_go_down_over_several_lives(rig: Rig) -> None:
    job_id = in_state(rig, "dead")
    for attempts in (2, 3, 4):
        rig.client.retry("q", [job_id])
        rig.run(rig.failing("w1", *rig.claim()))
        assert (rig.state(job_id), rig.detail(job_id).attempts) == (State.DEAD, attempts)


@pytest.mark.parametrize("way", ["scheduled", "retrying"])
def test_a_scheduled_job_is_due_now(rig: Rig, way: str) -> None:
    job_id = in_state(rig, way)
    rig.raw.delete(rig.keys.wake)

    (change,) = rig.client.retry("q", [job_id])

    assert (change.done, change.found) == (True, "scheduled")
    assert rig.raw.llen(rig.keys.wake) == 1
    assert rig.promote() == (1, -1)
    assert [job.id for job in rig.claim()] == [job_id]


@pytest.mark.parametrize(
    ("way", "found"), [("ready", "ready"), ("given back", "ready"), ("running", "running"), ("?", None)]
)
def test_other_jobs_are_left_as_they_are(rig: Rig, way: str, found: str | None) -> None:
    job_id = in_state(rig, way) if found else "n1-0"
    before = rig.dump()

    (change,) = rig.client.retry("q", [job_id])

    assert (change.done, change.found) == (False, found)
    assert rig.dump() == before


# -- delete -----------------------------------------------------------------------------------


def test_deleting_removes_dead_jobs_only(rig: Rig) -> None:
    rig.hire()
    first, second = rig.bury(2)
    (ready,) = rig.add()

    changes = rig.client.delete("q", [first, ready, "n1-0"])

    assert [(change.done, change.found) for change in changes] == [
        (True, "dead"),
        (False, None),
        (False, None),
    ]
    assert [job.ref.id for job in rig.client.list_jobs("q", State.DEAD).jobs] == [second]
    assert rig.raw.zcard(rig.keys.dead) == rig.raw.hlen(rig.keys.dead_jobs) == 1
    assert rig.state(ready) is State.READY
    assert rig.totals()["deleted"] == 1


# -- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [operate.retry, operate.cancel, operate.delete])
def test_a_call_takes_well_formed_ids_and_not_too_many(rig: Rig, verb: object) -> None:
    assert callable(verb)
    with pytest.raises(InvalidName):
        verb(rig.keys, ["n1-0", "*"])
    with pytest.raises(InvalidOption):
        verb(rig.keys, ["n1-0"] * 1001)


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete"])
def test_a_thousand_ids_go_in_one_call(rig: Rig, verb: str) -> None:
    rig.hire()
    ids = rig.bury(1000)

    changes = getattr(rig.client, verb)("q", ids)

    assert [change.ref.id for change in changes] == ids
    assert {change.done for change in changes} == {verb != "cancel"}
