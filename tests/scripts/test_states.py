"""Where jobs stand: told apart by id, without reading more than is needed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import AsyncClient, InvalidName, InvalidOption, Standing
from taskq_core.codec import encode_outcome
from taskq_core.standing import COPIED_BYTES, Look
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def states(rig: Rig, *ids: str) -> list[str]:
    return [str(standing) for standing in rig.client.states("q", ids)]


def test_a_job_is_ready_running_and_then_gone(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.add()
    assert states(rig, job_id) == ["ready"]
    (job,) = rig.claim()
    assert states(rig, job_id) == ["running"]
    rig.ack("w1", job)
    assert states(rig, job_id) == ["ended"]


def test_a_job_that_was_given_back_is_ready(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.add()
    rig.claim()
    rig.take_over("w1")
    assert states(rig, job_id) == ["ready"]


def test_a_delayed_job_keeps_its_id_wherever_it_is(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.add(delay=HOUR)
    assert states(rig, job_id) == ["scheduled"]
    rig.make_due(job_id)
    rig.promote()
    assert states(rig, job_id) == ["ready"]
    (job,) = rig.claim()
    assert states(rig, job_id) == ["running"]
    rig.ack("w1", job)
    assert states(rig, job_id) == ["ended"]


def test_a_failed_job_waits_for_its_next_attempt_or_is_dead(rig: Rig) -> None:
    rig.hire()
    (retried,) = rig.add()
    rig.run(rig.failing("w1", *rig.claim(), retries=3, delay_ms=60_000))
    (dead,) = rig.bury()
    assert states(rig, retried, dead) == ["scheduled", "dead"]
    rig.client.retry("q", [retried, dead])
    rig.promote()
    assert states(rig, retried, dead) == ["ready", "ready"]


def test_a_kept_outcome_tells_how_a_job_ended(rig: Rig) -> None:
    rig.hire()
    (done,) = rig.add(keep=HOUR)
    rig.ack("w1", *rig.claim(), result=encode_outcome("done", b'{"n":1}'))
    (dead,) = rig.bury(keep=HOUR)
    rig.client.delete("q", [dead])
    assert states(rig, done, dead) == ["done", "dead"]


@pytest.mark.parametrize("delay", [None, HOUR])
def test_a_waiting_job_that_is_cancelled_leaves_its_outcome_where_it_asks_for_one(
    rig: Rig, delay: timedelta | None
) -> None:
    kept, plain = *rig.add(keep=HOUR, delay=delay), *rig.add(delay=delay)
    assert all(change.done for change in rig.client.cancel("q", [kept, plain]))
    assert states(rig, kept, plain) == ["cancelled", "ended"]
    assert 0 < rig.raw.pttl(rig.keys.result(kept)) <= 3_600_000


@pytest.mark.parametrize("keep", ["99999999999999999999", "0", '"1"', "-1"])
def test_a_span_that_the_server_would_refuse_does_not_keep_a_job_from_being_cancelled(
    rig: Rig, keep: str
) -> None:
    entry = rig.raw.xadd(rig.keys.streams[2], {"t": "{}", "@": f'{{"k":{keep}}}'})
    job_id = "n" + (entry.decode() if isinstance(entry, bytes) else entry)
    assert rig.client.cancel("q", [job_id])[0].done
    assert states(rig, job_id) == ["ended"]


def test_an_id_that_the_queue_cannot_have_made_is_unknown(rig: Rig) -> None:
    (ready,) = rig.add()
    (delayed,) = rig.add(delay=HOUR)
    ms, number = ready[1:].split("-")
    made_up = [f"n{ms}-{int(number) + 1}", f"n{int(ms) + 1}-0", "h1-0", f"s{delayed[1:].split('-')[0]}-2"]
    assert states(rig, *made_up, ready, delayed) == ["unknown"] * 4 + ["ready", "scheduled"]
    assert rig.client.states("empty", ["n1-0", "s1-1"]) == [Standing.UNKNOWN, Standing.UNKNOWN]


def test_an_entry_without_a_group_waits(rig: Rig) -> None:
    (job_id,) = rig.add()
    assert states(rig, job_id) == ["ready"]
    rig.hire()
    rig.claim()
    rig.raw.xgroup_destroy(rig.keys.streams[2], "w")
    assert states(rig, job_id) == ["ready"]


def test_large_payloads_are_looked_at_in_several_calls(rig: Rig) -> None:
    ids = rig.add(12, payload={"x": "x" * (COPIED_BYTES // 5)})
    look = Look(rig.keys, ids)
    calls = 0
    while (command := look.command()) is not None:
        look.take(rig.run(command))
        calls += 1
    assert look.found == [Standing.READY] * 12
    assert calls == 3


def test_payloads_that_a_worker_has_are_not_read(rig: Rig) -> None:
    rig.hire()
    ids = rig.add(12, payload={"x": "x" * (COPIED_BYTES // 5)})
    rig.claim(want=12)
    look = Look(rig.keys, ids)
    command = look.command()
    assert command is not None
    look.take(rig.run(command))
    assert look.command() is None
    assert look.found == [Standing.RUNNING] * 12


def test_a_thousand_ids_are_the_most_and_each_is_checked(rig: Rig) -> None:
    ids = rig.add(1_000)
    assert rig.client.states("q", ids) == [Standing.READY] * 1_000
    assert rig.client.states("q", []) == []
    with pytest.raises(InvalidOption):
        rig.client.states("q", [*ids, "n1-0"])
    with pytest.raises(InvalidName):
        rig.client.states("q", ["nonsense"])


async def test_the_async_twin_sees_the_same(rig: Rig) -> None:
    (job_id,) = rig.add(keep=HOUR)
    rig.client.cancel("q", [job_id])
    async with AsyncClient(rig.url) as client:
        assert await client.states("q", [job_id, "h9-9"]) == [Standing.CANCELLED, Standing.UNKNOWN]
