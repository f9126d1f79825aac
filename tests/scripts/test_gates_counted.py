"""Limits: what they count is put right, and told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from taskq_core import JobOptions, NewJob, TaskLimits
from taskq_core.commands import limiting
from tests.scripts import crowd
from tests.scripts.gating import claim, held, limit, numbers, of_task, recount, running
from tests.scripts.rig import Rig
from tests.servers import Server

# -- counting again -------------------------------------------------------------------------------


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server, each kind with another protocol."""
    rig = Rig(server, 2 if server.kind == "redis" else 3)
    yield rig
    rig.client.close()


def tidy(rig: Rig) -> list[int]:
    return list(rig.run(limiting.tidy(rig.keys))[:4])


def test_counts_that_are_right_stay(rig: Rig) -> None:
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(4)
    claim(rig)

    assert tidy(rig) == [0, 0, 0, 0]
    assert running(rig) == {"t:t": 2}


def test_places_of_jobs_that_do_not_run_are_freed(rig: Rig) -> None:
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(4)
    jobs = claim(rig)
    claim(rig)
    rig.raw.xack(rig.keys.streams[2], "w", jobs[0].entry)
    rig.raw.xdel(rig.keys.streams[2], jobs[0].entry)
    rig.raw.hset(rig.keys.places, "n1-1", "rubbish")

    assert tidy(rig)[0] == 2
    assert running(rig) == {"t:t": 1} == recount(rig)
    assert numbers(claim(rig)) == [2]


def test_wrong_counts_are_mended(rig: Rig) -> None:
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(2)
    claim(rig)
    rig.raw.hset(rig.keys.running, mapping={"t:t": 9, "k:ghost": 3})

    assert tidy(rig)[1] == 2
    assert running(rig) == {"t:t": 2}


@pytest.mark.parametrize("tenant", [None, "a"])
def test_held_jobs_that_nothing_leads_to_come_back(rig: Rig, tenant: str | None) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(4, tenant=tenant)
    (job,) = claim(rig)
    rig.raw.delete(rig.keys.root + "held:t:t", rig.keys.opens)
    rig.ack("w1", job)
    assert claim(rig) == []

    assert tidy(rig)[2] == 3
    assert numbers(claim(rig)) == [1]
    assert rig.raw.zcard(rig.keys.root + "held:t:t") == 2
    crowd.recount(rig)


def test_a_reminder_that_was_lost_is_made_up_for(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(3)
    (job,) = claim(rig)
    rig.raw.delete(rig.keys.opens, rig.keys.places, rig.keys.running)
    rig.ack("w1", job)

    assert tidy(rig)[3] == 1
    assert numbers(claim(rig)) == [1]
    rig.raw.delete(rig.keys.places, rig.keys.running)
    assert tidy(rig)[3] == 1


# -- what is said of it ---------------------------------------------------------------------------


def test_the_limits_of_a_queue_are_told(rig: Rig) -> None:
    limit(rig, max_running=9, rate="100/s", tasks={"t": TaskLimits(max_running=1, rate="1/10s")})
    rig.hire()
    rig.add(3)
    rig.add(2, "u", concurrency_key="a")
    claim(rig)
    found = rig.run(limiting.gates(rig.keys))
    gates = {gate.label: gate for gate in found.gates}

    assert (found.held, found.running) == (3, 2)
    assert rig.client.snapshot(rig.queue).held == 3
    assert set(gates) == {"the queue", "task t", "key a"}
    assert (gates["the queue"].running, gates["the queue"].max_running) == (2, 9)
    assert (gates["the queue"].may_start or 0) >= 8
    assert (gates["task t"].running, gates["task t"].held, gates["task t"].full) == (1, 2, True)
    assert timedelta(seconds=8) < (gates["task t"].opens_in or timedelta()) <= timedelta(seconds=10)
    assert (gates["key a"].running, gates["key a"].held, gates["key a"].max_running) == (1, 1, 1)
    assert [str(gate) for gate in found.closed] == ["1 of 1 of task t running", "1 of 1 of key a running"]


def test_the_limits_of_a_job_are_told_with_who_has_the_place(rig: Rig) -> None:
    rig.hire()
    first, second = rig.add(2, concurrency_key="a")
    claim(rig)
    (gate,) = rig.run(limiting.gates(rig.keys, second)).gates

    assert (gate.label, gate.full, gate.running_job) == ("key a", True, first)


def test_what_limits_count_survives_a_server_that_is_killed(durable_server: Server) -> None:
    rig = Rig(durable_server, 2)
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(5, concurrency_key="a")
    rig.add(5)
    jobs = claim(rig)
    assert running(rig) == {"t:t": 2, "k:a": 1}
    durable_server.kill()
    durable_server.start()

    assert running(rig) == recount(rig) == {"t:t": 2, "k:a": 1}
    assert held(rig) == 8
    assert tidy(rig) == [0, 0, 0, 0]
    rig.ack("w1", *jobs)
    assert len(claim(rig)) == 2
    rig.client.close()


# -- what it costs --------------------------------------------------------------------------------


def test_many_places_are_in_a_table_and_no_list_that_is_searched(rig: Rig) -> None:
    of_task(rig, max_running=1000)
    rig.hire()
    keyed = [NewJob("t", {"n": n}, JobOptions(concurrency_key=f"k{n}")) for n in range(60)]
    rig.client.enqueue_jobs("q", keyed)
    jobs = claim(rig)

    for key in (rig.keys.places, rig.keys.running):
        assert rig.raw.object("encoding", key) == b"hashtable"
    assert running(rig) == recount(rig) == {"t:t": 60} | {f"k:k{n}": 1 for n in range(60)}
    assert tidy(rig) == [0, 0, 0, 0]
    rig.ack("w1", *jobs[1:])
    assert running(rig) == recount(rig) == {"t:t": 1, "k:k0": 1}
    assert rig.run(limiting.gates(rig.keys, jobs[0].id)).gates[1].running == 1
    rig.ack("w1", jobs[0])
    assert not rig.raw.exists(rig.keys.places, rig.keys.running)


def test_the_calls_of_a_claim_and_an_ack_do_not_grow_with_their_jobs(rig: Rig) -> None:
    of_task(rig, max_running=1000, rate="1000/s burst 1000")
    rig.hire()
    counts = []
    for many in (10, 10, 60):  # the first one makes what there is once
        keyed = [NewJob("t", {"n": n}, JobOptions(concurrency_key=f"k{n}")) for n in range(many)]
        rig.client.enqueue_jobs("q", keyed)
        rig.raw.config_resetstat()
        jobs = claim(rig)
        rig.ack("w1", *jobs)
        calls = rig.raw.info("commandstats").items()
        counts.append(sum(row["calls"] for name, row in calls if name != "cmdstat_expire"))
        assert len(jobs) == many

    assert counts[1] == counts[2]
