"""Groups: members are counted where they are added and where they end, and the callback is enqueued once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from taskq_core import (
    GroupRef,
    GroupState,
    InvalidOption,
    JobOptions,
    JobRef,
    NewGroup,
    NewJob,
    Refused,
    State,
)
from taskq_core.commands import grouping, operate, produce
from tests.scripts.crowd import recount, take
from tests.scripts.grouping import (
    CALLBACK,
    callbacks,
    chain,
    claim_all,
    conclude,
    concluding,
    counts,
    full,
    gone,
    info,
    members,
    opened,
)
from tests.scripts.rig import Rig
from tests.servers import Server
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server, with one protocol on each kind."""
    rig = Rig(server, 3 if server.kind == "valkey" else 2)
    yield rig
    rig.client.close()


def test_the_last_member_enqueues_the_callback_and_no_repeat_does_it_again(rig: Rig) -> None:
    full(rig, 3)
    rig.hire()
    jobs = rig.claim(want=3)
    assert conclude(rig, "w1", *jobs[:2]) == 2
    assert (callbacks(rig), info(rig).state) == ([], GroupState.RUNNING)

    last = concluding(rig, "w1", jobs[2])
    assert [rig.run(last) for _ in range(3)] == [1, 0, 0]

    (callback,) = callbacks(rig)
    found = info(rig)
    assert (found.state, found.job) == (GroupState.FINISHED, JobRef("q", callback))
    assert rig.totals() == {"enqueued": 4, "done": 3}
    assert 86_000 < rig.raw.ttl(rig.keys.group("g")) <= 86_400
    (job,) = claim_all(rig)
    assert (job.task, job.payload, job.completes, job.group) == ("callback", {"of": "g"}, "g", None)


def test_members_are_counted_once_however_often_the_call_that_adds_them_arrives(rig: Rig) -> None:
    opened(rig, count=5)
    groups = produce.groups_of([NewJob("t", {}, JobOptions(group="g")) for _ in range(5)])
    for _ in range(3):
        rig.run(produce.enqueue(rig.keys, groups, "session", 1))
    assert counts(rig) == {"total": 5}


def test_a_group_takes_no_more_members_than_were_announced_and_none_after_its_end(rig: Rig) -> None:
    full(rig, 2)
    with pytest.raises(Refused, match="takes no more members: it has 2"):
        rig.add(1, group="g")
    rig.hire()
    conclude(rig, "w1", *rig.claim(want=2))
    with pytest.raises(Refused, match="no more members"):
        rig.add(1, group="g")
    assert rig.totals()["enqueued"] == 3


def test_an_open_group_waits_for_its_seal(rig: Rig) -> None:
    ref = opened(rig)
    rig.add(2, group="g")
    rig.hire()
    conclude(rig, "w1", *rig.claim(want=2))
    assert (info(rig).state, callbacks(rig)) == (GroupState.OPEN, [])

    assert [rig.client.groups.seal(ref) for _ in range(2)] == [True, False]

    assert (info(rig).state, len(callbacks(rig))) == (GroupState.FINISHED, 1)


def test_a_group_that_never_got_all_its_members_says_so_and_ends_with_those_it_has(rig: Rig) -> None:
    ref = opened(rig, count=5)
    rig.add(2, group="g")
    rig.hire()
    conclude(rig, "w1", *rig.claim(want=2))
    found = info(rig)
    assert (found.state, callbacks(rig)) == (GroupState.INCOMPLETE, [])
    assert "2 of 5" in found.advice

    assert rig.client.groups.seal(ref)

    assert (info(rig).state, len(callbacks(rig))) == (GroupState.FINISHED, 1)


@pytest.mark.parametrize("count", [None, 5])
def test_a_group_that_was_finished_by_hand_takes_no_members(rig: Rig, count: int | None) -> None:
    ref = opened(rig, count=count)
    rig.add(1, group="g")
    rig.client.groups.finish(ref)
    assert not info(rig).open
    with pytest.raises(Refused):
        rig.add(1, group="g")
    assert counts(rig) == {"total": 1}


def test_a_group_without_members_ends_when_it_is_sealed(rig: Rig) -> None:
    rig.client.groups.seal(opened(rig))
    assert len(callbacks(rig)) == 1


def test_the_first_member_makes_a_group_that_nobody_opened(rig: Rig) -> None:
    rig.add(2, group="g")
    rig.add(1, group="g")
    found = info(rig)
    assert (found.total, found.open, found.callback) == (3, True, None)
    assert [each.ref for each in rig.client.groups.list("q")] == [GroupRef("q", "g")]


def test_a_job_that_was_not_added_because_its_key_is_taken_is_no_member(rig: Rig) -> None:
    rig.add(1, unique="key")
    opened(rig)
    rig.add(1, unique="key", group="g")
    assert counts(rig) == {}


def test_opening_twice_is_the_same_and_opening_another_one_is_refused(rig: Rig) -> None:
    opened(rig)
    assert opened(rig) == GroupRef("q", "g")
    with pytest.raises(Refused, match="there is a group"):
        rig.client.groups.open("q", NewGroup("g", NewJob("other", {})))
    rig.client.groups.seal(GroupRef("q", "g"))
    with pytest.raises(Refused):
        opened(rig)


def test_a_dead_member_is_counted_holds_the_callback_up_and_can_be_retried(rig: Rig) -> None:
    ids = full(rig, 2)
    rig.hire()
    good, bad = rig.claim(want=2)
    rig.run(rig.failing("w1", bad))
    conclude(rig, "w1", good)
    found = info(rig)
    assert (counts(rig), found.state) == ({"total": 2, "done": 1, "dead": 1}, GroupState.FAILED)
    assert "retry" in found.advice
    assert rig.detail(ids[1]).group == "g"

    rig.client.retry("q", [ids[1]])
    assert (counts(rig), info(rig).state) == ({"total": 2, "done": 1}, GroupState.RUNNING)
    conclude(rig, "w1", *rig.claim())

    assert (counts(rig), len(callbacks(rig))) == ({"total": 2, "done": 2}, 1)


def test_a_failed_attempt_that_is_repeated_changes_nothing_in_the_group(rig: Rig) -> None:
    full(rig, 1)
    rig.hire()
    rig.run(rig.failing("w1", *rig.claim(), retries=3, delay_ms=60_000))
    assert (counts(rig), info(rig).state) == ({"total": 1}, GroupState.RUNNING)


def test_a_group_whose_members_have_to_end_in_any_way_takes_the_dead_for_ended(rig: Rig) -> None:
    ids = full(rig, 2, when="ended")
    rig.hire()
    first, second = rig.claim(want=2)
    conclude(rig, "w1", first)
    dying = rig.failing("w1", second)
    rig.run(dying)
    rig.run(dying)
    assert len(callbacks(rig)) == 1

    rig.client.retry("q", [ids[1]])
    conclude(rig, "w1", *(job for job in claim_all(rig) if job.task == "t"))

    assert rig.totals()["enqueued"] == 3
    assert counts(rig) == {"total": 2, "done": 2}


@pytest.mark.parametrize("when", ["done", "ended"])
@pytest.mark.parametrize(
    "way", ["cancel", "cancel scheduled", "cancel running", "purge", "delete", "purge dead", "bury"]
)
def test_a_member_that_goes_another_way_is_counted_and_says_what_to_do(rig: Rig, way: str, when: str) -> None:
    opened(rig, count=1, when=when)
    (job_id,) = rig.add(1, group="g", delay=HOUR if way in ("cancel scheduled", "bury") else None)
    rig.hire()
    if way.startswith("cancel"):
        if way == "cancel running":
            conclude(rig, "w1", *rig.claim(), cancelled=True)
        else:
            rig.client.cancel("q", [job_id])
        expected = "cancelled"
    elif way == "purge":
        rig.client.purge("q", State.READY)
        expected = "removed"
    elif way == "bury":
        rig.client.bury("q", [job_id])
        expected = "dead"
    else:
        rig.run(rig.failing("w1", *rig.claim()))
        if way == "delete":
            rig.client.delete("q", [job_id])
        else:
            rig.client.purge("q", State.DEAD)
        expected = "removed"

    assert counts(rig) == {"total": 1, expected: 1}
    found = info(rig)
    if when == "ended":
        assert (found.state, len(callbacks(rig))) == (GroupState.FINISHED, 1)
        return
    assert found.state is (GroupState.FAILED if way == "bury" else GroupState.STUCK)
    assert "taskq" in found.advice
    assert rig.client.groups.finish(found.ref)
    assert (info(rig).state, len(callbacks(rig))) == (GroupState.FINISHED, 1)
    assert not rig.client.groups.finish(found.ref)


def test_the_oldest_dead_member_that_is_trimmed_is_counted_as_removed(rig: Rig) -> None:
    rig.client.configure("q", dead_max=1)
    full(rig, 3)
    rig.hire()
    for job in rig.claim(want=3):
        rig.run(rig.failing("w1", job))
    assert counts(rig) == {"total": 3, "dead": 1, "removed": 2}


def test_a_group_that_is_removed_is_no_obstacle_to_its_members(rig: Rig) -> None:
    full(rig, 2)
    assert rig.client.groups.remove(GroupRef("q", "g"))
    rig.hire()
    assert conclude(rig, "w1", *rig.claim(want=2)) == 2
    assert gone(rig)
    assert (callbacks(rig), rig.raw.exists(rig.keys.group("g"))) == ([], 0)


def test_a_worker_without_a_lease_concludes_nothing(rig: Rig) -> None:
    full(rig, 1)
    rig.hire()
    jobs = rig.claim()
    rig.take_over("w1")
    assert conclude(rig, "w1", *jobs) == -1
    rig.hire("w2")
    (again,) = rig.claim("w2")
    rig.hire("w1")
    assert conclude(rig, "w1", *jobs) == 0  # it is in another's hands
    assert conclude(rig, "w2", again) == 1
    assert len(callbacks(rig)) == 1


@pytest.mark.parametrize("how", ["member", "link"])
def test_an_end_frees_the_place_at_a_limit_and_the_turn_of_a_tenant(rig: Rig, how: str) -> None:
    options = JobOptions(group="g") if how == "member" else chain("t")
    opened(rig)
    tenant = replace(options, tenant="a", concurrency_key="k")
    rig.client.tenants.set("q", "a", max_running=1)
    rig.client.enqueue_jobs("q", [NewJob("t", {}, each) for each in (tenant, tenant, options)])
    rig.hire()
    jobs = take(rig, want=3)
    assert (len(jobs), rig.raw.hgetall(rig.keys.running)) == (2, {b"k:k": b"1"})

    assert [conclude(rig, "w1", *jobs) for _ in range(2)] == [2, 0]

    assert rig.raw.hgetall(rig.keys.running) == {}
    recount(rig)
    assert [job.tenant for job in take(rig, want=3) if job.tenant] == ["a"]


def test_a_job_whose_claim_was_lost_is_ended_all_the_same(rig: Rig) -> None:
    full(rig, 1)
    rig.hire()
    jobs = rig.claim()
    rig.raw.xgroup_destroy(rig.keys.streams[2], "w")
    rig.raw.xgroup_create(rig.keys.streams[2], "w", "0")

    assert [conclude(rig, "w1", *jobs) for _ in range(2)] == [1, 0]
    assert len(callbacks(rig)) == 1


def test_one_entry_twice_in_a_call_counts_once(rig: Rig) -> None:
    full(rig, 2)
    rig.hire()
    first, _ = rig.claim(want=2)
    assert conclude(rig, "w1", first, first) == 1
    assert counts(rig) == {"total": 2, "done": 1}


def test_groups_that_have_ended_leave_the_list_once_they_are_gone(rig: Rig) -> None:
    for number in range(5):
        rig.client.groups.seal(opened(rig, f"g{number}", keep=timedelta(milliseconds=1)))
    wait_until(lambda: gone(rig, "g4"))
    opened(rig, "last")
    assert [each.ref.id for each in rig.client.groups.list("q")] == ["last"]
    rig.client.groups.seal(GroupRef("q", "last"))
    assert rig.raw.zrange(rig.keys.groups, 0, -1) == [b"last"]


def test_the_callback_keeps_its_options_and_waits_for_its_delay(rig: Rig) -> None:
    callback = NewJob("callback", {"a": "x\ny"}, JobOptions(priority="high", retries=7, delay=HOUR))
    rig.client.groups.seal(rig.client.groups.open("q", NewGroup("g", callback)))
    detail = rig.detail(callbacks(rig)[0])
    assert (detail.priority, detail.retries, detail.completes) == ("high", 7, "g")
    assert (detail.payload, detail.state) == (b'{"a":"x\\ny"}', State.SCHEDULED)
    assert detail.due_at is not None
    assert detail.due_at - detail.enqueued_at == HOUR


@pytest.mark.parametrize("options", [{"unique": "k"}, {"group": "other"}])
def test_what_a_callback_cannot_be_is_refused(rig: Rig, options: dict[str, str]) -> None:
    with pytest.raises(InvalidOption):
        rig.client.groups.open("q", NewGroup("g", NewJob("t", {}, JobOptions(**options))))  # type: ignore[arg-type] # strings
    assert rig.raw.exists(rig.keys.groups) == 0


def test_a_hostile_group_stops_nobody(rig: Rig) -> None:
    rig.add(2, group="g")
    rig.raw.delete(rig.keys.group("g"))
    rig.raw.set(rig.keys.group("g"), "x", ex=60)
    rig.hire()
    assert conclude(rig, "w1", *rig.claim(want=2)) == 2
    rig.raw.delete(rig.keys.group("g"))
    rig.raw.hset(
        rig.keys.group("g"), mapping={"total": "a", "done": "1e999", "finished": "b", "callback": "c"}
    )
    assert rig.client.groups.list("q")[0].total == 0
    rig.raw.delete(rig.keys.group("g"))


def test_a_removed_queue_takes_its_groups_along(rig: Rig) -> None:
    full(rig, 2)
    rig.run(operate.remove(rig.keys))
    assert rig.raw.exists(rig.keys.group("g"), rig.keys.groups) == 0


def test_the_memory_of_a_group_does_not_grow_with_its_members(rig: Rig) -> None:
    opened(rig)
    rig.add(1000, group="g")
    small = rig.raw.memory_usage(rig.keys.group("g"))
    for _ in range(20):
        rig.add(1000, group="g")
    assert rig.raw.memory_usage(rig.keys.group("g")) < small + 100
    assert members(rig)["g"] == Counter(pending=21_000)


def test_a_callback_is_read_back_as_it_was_given() -> None:
    assert grouping.encode_callback(CALLBACK) == b'n callback\n{}\n0\n{"of":"g"}'
    assert grouping.encode_callback(None) == b""
