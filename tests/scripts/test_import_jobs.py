"""Jobs brought in under their own ids, from a queue as it was to one as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskq_core import (
    Backoff,
    Failure,
    InvalidName,
    InvalidOption,
    InvalidPayload,
    JobDetail,
    JobOptions,
    JobRef,
    Priority,
    QueueDraining,
    QueueFull,
    State,
    UsageError,
)
from taskq_core.codec import decode_record
from tests.scripts.rig import Rig

NOW = datetime.now(UTC).replace(microsecond=0)
BORN = int(NOW.timestamp() * 1000) - 60_000


def a_job(number: int = 0, state: State = State.READY, **fields: Any) -> JobDetail:
    """A job of a minute ago; ``letter`` n or s."""
    letter = fields.pop("letter", "n")
    usual: dict[str, Any] = {
        "ref": JobRef("elsewhere", f"{letter}{BORN + number}-0"), "state": state, "task": "t",
        "priority": Priority.NORMAL, "payload": b'{"n":%d}' % number, "attempts": 0, "enqueued_at": NOW,
    }  # fmt: skip
    if state is State.SCHEDULED:
        usual["due_at"] = NOW + timedelta(hours=1)
    if state is State.DEAD:
        usual |= {"died_at": NOW, "attempts": 4, "error": Failure("OSError", "no", "trace")}
    return JobDetail(**(usual | fields))


def found(rig: Rig, *jobs: JobDetail) -> list[str | None]:
    """What became of each job: None where it was added."""
    return [change.found for change in rig.client.import_jobs("q", jobs)]


def listed(rig: Rig, state: State) -> list[JobDetail]:
    return list(rig.client.list_jobs("q", state, limit=1000).jobs)


def ids(jobs: Sequence[JobDetail]) -> list[str]:
    return [job.ref.id for job in jobs]


def test_a_ready_job_keeps_its_id_and_costs_what_it_did_before(rig: Rig) -> None:
    assert found(rig, a_job(0), a_job(1), a_job(2, priority=Priority.HIGH, letter="h")) == [None] * 3

    assert ids(listed(rig, State.READY)) == [f"h{BORN + 2}-0", f"n{BORN}-0", f"n{BORN + 1}-0"]
    assert rig.raw.xrange(rig.keys.streams[2]) == [
        (b"%d-0" % BORN, {b"t": b'{"n":0}'}),
        (b"%d-0" % (BORN + 1), {b"t": b'{"n":1}'}),
    ]
    assert rig.raw.exists(rig.keys.moved) == 0
    assert rig.totals() == {"imported": 3}
    assert rig.client.queues() == ["q"]
    assert rig.raw.llen(rig.keys.wake) == 3


def test_jobs_come_back_in_order_also_where_the_queue_has_younger_ones(rig: Rig) -> None:
    (young,) = rig.add()
    retried = a_job(7, letter="s", attempts=2)
    jobs = [a_job(5), retried, a_job(6), a_job(1)]

    assert found(rig, *jobs) == [None] * 4

    assert ids(listed(rig, State.READY)) == [young, *ids(jobs)]
    assert [job.attempts for job in listed(rig, State.READY)] == [0, 0, 2, 0, 0]
    for job in jobs:
        assert rig.detail(job.ref.id).payload == job.payload


def test_an_entry_of_another_job_is_not_taken_for_a_job_of_that_number(rig: Rig) -> None:
    """The retried job between two of one millisecond gets an entry that no job can have as its id."""
    one, two = (a_job(ref=JobRef("q", f"n{BORN}-{n}")) for n in (1, 2))
    retried = a_job(-3, letter="s")

    assert found(rig, one, retried, two) == [None] * 3

    assert ids(listed(rig, State.READY)) == [one.ref.id, retried.ref.id, two.ref.id]
    worker = rig.hire()
    claimed = rig.claim(worker, 3)
    assert [job.id for job in claimed] == [one.ref.id, retried.ref.id, two.ref.id]
    assert found(rig, one, retried, two) == ["known"] * 3
    rig.ack(worker, claimed[2])
    assert [change.found for change in rig.client.cancel("q", [two.ref.id])] == [None]


def test_the_entry_of_a_job_that_was_promoted_here_does_not_stand_for_a_job_of_that_number(rig: Rig) -> None:
    (delayed,) = rig.add(delay=timedelta(hours=1))
    rig.make_due(delayed)
    rig.promote()
    ((entry, _),) = rig.raw.xrange(rig.keys.streams[2])
    job = a_job(ref=JobRef("q", f"n{entry.decode()}"))

    assert found(rig, job) == [None]
    assert ids(listed(rig, State.READY)) == [delayed, job.ref.id]


def test_scheduled_and_dead_jobs_keep_all_they_had(rig: Rig) -> None:
    options: dict[str, Any] = {
        "retries": 7, "timeout": timedelta(seconds=1.5), "keep": timedelta(hours=2), "granted": 2,
        "backoff": Backoff(timedelta(seconds=2), 3.0, timedelta(minutes=1)), "priority": Priority.LOW,
        "attempts": 3, "error": Failure("ValueError", "bad\n", "Traceback", "0123456789ab"),
    }  # fmt: skip
    scheduled = a_job(1, State.SCHEDULED, letter="s", **options)
    dead = a_job(2, State.DEAD, **options)

    assert found(rig, scheduled, dead) == [None, None]

    for job in (scheduled, dead):
        there = rig.detail(job.ref.id)
        assert dataclasses.replace(there, ref=job.ref, enqueued_at=job.enqueued_at) == job


def test_a_dead_job_can_be_retried_and_a_scheduled_one_becomes_due(rig: Rig) -> None:
    dead, scheduled = a_job(1, State.DEAD), a_job(2, State.SCHEDULED, due_at=NOW - timedelta(seconds=5))
    found(rig, dead, scheduled)

    rig.client.retry("q", [dead.ref.id])
    rig.promote()

    assert [rig.state(job.ref.id) for job in (dead, scheduled)] == [State.READY] * 2


def test_what_is_here_already_adds_nothing_whatever_its_state(rig: Rig) -> None:
    jobs = [a_job(1), a_job(2), a_job(3, State.SCHEDULED), a_job(4, State.DEAD)]
    found(rig, *jobs)
    rig.claim(rig.hire(), 1)
    before = rig.dump()

    assert found(rig, *jobs, jobs[0]) == ["known"] * 5

    assert rig.dump() == before


def test_one_call_does_not_add_a_job_twice(rig: Rig) -> None:
    assert found(rig, a_job(1), a_job(1), a_job(2, State.DEAD), a_job(2, State.DEAD)) == [
        None, "known", None, "known",
    ]  # fmt: skip


def test_an_import_that_is_repeated_does_not_bring_back_what_has_ended_since(rig: Rig) -> None:
    jobs = [a_job(1), a_job(2), a_job(3, State.DEAD)]
    found(rig, *jobs)
    worker = rig.hire()
    for job in rig.claim(worker, 2):
        rig.ack(worker, job)
    rig.client.delete("q", [jobs[2].ref.id])

    assert found(rig, *jobs) == ["known"] * 3
    assert 0 < rig.raw.ttl(rig.keys.imported) <= 24 * 3600


def test_a_job_whose_outcome_is_kept_here_has_ended(rig: Rig) -> None:
    (job_id,) = rig.add(keep=timedelta(hours=1))
    ended = rig.detail(job_id)
    worker = rig.hire()
    (job,) = rig.claim(worker, 1)
    rig.ack(worker, job, result=b"{}")

    assert found(rig, ended) == ["known"]


def test_an_id_that_another_job_has_is_not_passed_over_in_silence(rig: Rig) -> None:
    found(rig, a_job(1), a_job(2, State.DEAD))

    assert found(rig, a_job(1, payload=b'{"other":1}'), a_job(2, task="other")) == ["taken", "taken"]
    assert rig.detail(f"n{BORN + 1}-0").payload == b'{"n":1}'


def test_a_unique_key_is_held_by_the_job_that_has_it_first(rig: Rig) -> None:
    found(rig, a_job(1, unique="k"), a_job(2, State.SCHEDULED, unique="k"), a_job(3, State.DEAD, unique="j"))

    assert rig.raw.get(rig.keys.unique("k")) == b"n%d-0" % (BORN + 1)
    assert rig.raw.exists(rig.keys.unique("j")) == 0
    assert rig.client.enqueue("q", "t", {}, JobOptions(unique="k")).duplicate


def test_a_running_job_of_elsewhere_comes_as_a_ready_one_and_its_run_does_not_count(rig: Rig) -> None:
    found(rig, a_job(1, State.RUNNING, attempts=3, deliveries=1, worker="w"))

    assert (rig.state(f"n{BORN + 1}-0"), rig.detail(f"n{BORN + 1}-0").attempts) == (State.READY, 2)


def test_limits_of_the_queue_hold_and_then_nothing_is_added(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=2)
    jobs = [a_job(1), a_job(2), a_job(3)]

    with pytest.raises(QueueFull):
        found(rig, *jobs)
    assert rig.totals() == {}

    found(rig, *jobs[:2], a_job(4, State.DEAD))
    assert found(rig, *jobs[:2]) == ["known", "known"]  # adds none, so there is room for it


def test_a_draining_queue_takes_none(rig: Rig) -> None:
    rig.client.drain("q")

    with pytest.raises(QueueDraining):
        found(rig, a_job(1))


def test_ids_of_the_future_and_ids_written_oddly_do_not_spoil_the_stream(rig: Rig) -> None:
    future = a_job(ref=JobRef("q", "n999999999999999-0"))
    odd = [a_job(ref=JobRef("q", name)) for name in ("n0-0", "n0001-007", "n5-999999999999999")]

    assert found(rig, future, *odd) == [None] * 4
    (young,) = rig.add()

    assert ids(listed(rig, State.READY)) == [*ids([future, *odd]), young]
    assert int(young[1:].partition("-")[0]) < BORN + 3_600_000


def test_a_number_written_oddly_is_found_as_it_is_written(rig: Rig) -> None:
    job = a_job(ref=JobRef("q", "n0001-007"))

    assert found(rig, job) == [None]

    assert ids(listed(rig, State.READY)) == [job.ref.id]
    assert rig.state(job.ref.id) is State.READY
    assert found(rig, job) == ["known"]


def test_jobs_of_one_millisecond_come_in_calls_of_their_own(rig: Rig) -> None:
    one, two, three = (a_job(ref=JobRef("q", f"n{BORN}-{n}")) for n in (100, 200, 300))

    assert found(rig, one) + found(rig, three) + found(rig, two) == [None] * 3

    assert ids(listed(rig, State.READY)) == ids([one, three, two])
    assert rig.raw.hkeys(rig.keys.moved) == [two.ref.id.encode()]


@pytest.mark.parametrize(("number", "own"), [(10**9 - 1, True), (10**9, False), (10**9 + 1, False)])
def test_numbers_from_a_thousand_million_on_are_those_of_entries_alone(
    rig: Rig, number: int, own: bool
) -> None:
    job = a_job(ref=JobRef("q", f"n{BORN}-{number}"))

    assert found(rig, job) == [None]

    assert rig.raw.hlen(rig.keys.moved) == (not own)


def test_the_counter_of_delayed_jobs_is_not_behind_what_was_brought_in(rig: Rig) -> None:
    found(rig, a_job(ref=JobRef("q", f"s{BORN}-41")), a_job(ref=JobRef("q", f"s{BORN}-999999999999999")))

    assert rig.add(delay=timedelta(hours=1))[0].endswith("-42")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"ref": JobRef("q", "x1-1")}, InvalidName),
        ({"ref": JobRef("q", "n1-1\n")}, InvalidName),
        ({"task": "no task"}, InvalidName),
        ({"task": "t\n"}, InvalidName),
        ({"payload": b"[]"}, InvalidPayload),
        ({"payload": b'{"a":1'}, InvalidPayload),
        ({"payload": b'{"a":"' + b"x" * 1024 * 1024 + b'"}'}, InvalidPayload),
        ({"payload": b'{"a":' * 70 + b"1" + b"}" * 70}, InvalidPayload),
        ({"attempts": 10**10}, InvalidPayload),
        ({"granted": -1}, InvalidPayload),
        ({"retries": -1}, InvalidPayload),
        ({"timeout": timedelta(days=99_999)}, InvalidOption),
        ({"keep": timedelta(0)}, InvalidOption),
        ({"unique": "a b"}, InvalidName),
        ({"state": State.DONE}, InvalidOption),
        ({"state": State.SCHEDULED, "due_at": None}, InvalidOption),
        ({"state": State.DEAD, "died_at": datetime(1960, 1, 1, tzinfo=UTC)}, InvalidOption),
    ],
)
def test_what_no_enqueue_would_take_is_refused_before_anything_is_sent(
    rig: Rig, fields: dict[str, Any], error: type[UsageError]
) -> None:
    with pytest.raises(error):
        found(rig, a_job(1), a_job(2, **fields))

    assert rig.dump() == {}


def test_an_error_is_cut_to_its_limits(rig: Rig) -> None:
    found(rig, a_job(1, State.DEAD, error=Failure("E" * 999, "m" * 99_999, "t" * 99_999)))

    record = decode_record(rig.raw.hget(rig.keys.dead_jobs, f"n{BORN + 1}-0"))
    assert record.error is not None
    assert [len(part) for part in (record.error.type, record.error.message, record.error.traceback)] == [
        200, 8192, 8192,
    ]  # fmt: skip
