"""purge: whole states go, in bounded steps, and running jobs are left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from taskq_core import InvalidOption, State
from taskq_core.commands import operate, work
from tests.keyspace import remains
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def fill(rig: Rig, state: State, count: int) -> None:
    if state is State.DEAD:
        rig.bury(count)
    else:
        rig.add(count, delay=HOUR if state is State.SCHEDULED else None)


@pytest.mark.parametrize("state", [State.READY, State.SCHEDULED, State.DEAD])
def test_a_state_is_emptied_in_bounded_steps(rig: Rig, state: State) -> None:
    rig.hire()
    fill(rig, state, 25)

    steps = [rig.client.purge("q", state, limit=10) for _ in range(4)]

    assert steps == [10, 10, 5, 0]
    assert remains(rig.raw) == [f"{rig.keys.leases} holds 1"]
    assert rig.totals()["purged"] == 25


@pytest.mark.parametrize("state", [State.READY, State.SCHEDULED, State.DEAD])
def test_other_states_are_left_alone(rig: Rig, state: State) -> None:
    rig.hire()
    for each in (State.DEAD, State.SCHEDULED):
        fill(rig, each, 3)
    rig.add(3)
    running = {job.id for job in rig.claim(want=3)}
    rig.add(3)

    assert rig.client.purge("q", state) == 3

    left = {
        each: len(rig.client.list_jobs("q", each).jobs) for each in (State.READY, State.SCHEDULED, State.DEAD)
    }
    assert left == {State.READY: 3, State.SCHEDULED: 3, State.DEAD: 3} | {state: 0}
    assert {job.ref.id for job in rig.client.list_jobs("q", State.RUNNING).jobs} == running


def test_purging_ready_jobs_takes_all_levels_given_back_and_promoted_ones(rig: Rig) -> None:
    rig.hire()
    rig.add(2)
    rig.run(work.release(rig.keys, "w1", rig.claim(want=2)))
    (promoted,) = rig.add(delay=HOUR)
    rig.make_due(promoted)
    rig.promote()
    for level in ("critical", "high", "low"):
        rig.add(1, priority=level)

    assert rig.client.purge("q", State.READY) == 6

    assert remains(rig.raw) == [f"{rig.keys.leases} holds 1"]
    assert rig.pending("-") == {}


def test_ready_jobs_are_purged_where_no_worker_ever_was(rig: Rig) -> None:
    rig.add(3)

    assert rig.client.purge("q", State.READY) == 3
    assert remains(rig.raw) == []


@pytest.mark.parametrize("given_back", [False, True])
def test_only_ready_jobs_older_than_that_go(rig: Rig, given_back: bool) -> None:
    hour_ago = int((datetime.now(UTC) - HOUR).timestamp() * 1000)
    rig.hire()
    rig.raw.xadd(rig.keys.streams[2], {"t": "{}"}, id=f"{hour_ago}-0")
    (young,) = rig.add()
    if given_back:
        rig.run(work.release(rig.keys, "w1", rig.claim(want=2)))

    assert rig.client.purge("q", State.READY, older_than=2 * HOUR) == 0
    assert rig.client.purge("q", State.READY, older_than=HOUR / 2) == 1

    assert [job.ref.id for job in rig.client.list_jobs("q", State.READY).jobs] == [young]


def test_only_the_dead_older_than_that_go(rig: Rig) -> None:
    rig.hire()
    old, young = rig.bury(2)
    rig.raw.zadd(rig.keys.dead, {old: int((datetime.now(UTC) - HOUR).timestamp() * 1000)})

    assert rig.client.purge("q", State.DEAD, older_than=HOUR / 2) == 1

    assert [job.ref.id for job in rig.client.list_jobs("q", State.DEAD).jobs] == [young]


@pytest.mark.parametrize(
    ("state", "limit"), [(State.RUNNING, 10), (State.DONE, 10), (State.READY, 0), (State.READY, 1001)]
)
def test_what_cannot_be_purged_is_refused(rig: Rig, state: State, limit: int) -> None:
    with pytest.raises(InvalidOption):
        operate.purge(rig.keys, state, None, limit)


def test_a_removed_queue_leaves_only_what_expires_by_itself_and_others_untouched(rig: Rig) -> None:
    rig.client.enqueue("other", "t", {})
    others = {key: value for key, value in rig.dump().items() if "/other" in key}
    rig.hire()
    rig.bury()
    rig.add(3, delay=HOUR)
    rig.add(3)
    rig.claim()
    rig.client.pause("q")

    assert rig.client.remove("q") > 8

    left = rig.dump()
    assert left.pop("taskq:default:queues") == {b"other"}
    assert {key: left.pop(key) for key in others} == others
    assert {key.split(":")[2] for key in left if "/q}" in key} <= {"producer", "worker"}
    assert all(rig.raw.ttl(key) > 0 for key in left)
    assert rig.client.remove("q") == 0


def test_only_what_is_older_than_the_millisecond_goes(rig: Rig) -> None:
    (job_id,) = rig.add()
    born = int(job_id[1:].partition("-")[0])

    assert rig.run(operate.purge(rig.keys, State.READY, born, 10)) == 0
    assert rig.run(operate.purge(rig.keys, State.READY, born + 1, 10)) == 1
