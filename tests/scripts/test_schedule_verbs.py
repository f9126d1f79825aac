"""Schedules on the server: paused, resumed, triggered, removed; and what others may have written there."""

from __future__ import annotations

import pytest

from taskq_core import NotFound, Refused
from taskq_core.commands import scheduling
from tests.scripts.rig import Rig
from tests.scripts.scheduling import HOUR_MS, REF, fire_all, info, kept, make_due, schedule


def test_a_paused_schedule_does_not_fire_and_misses_nothing(rig: Rig) -> None:
    kept(rig)
    make_due(rig, 3 * HOUR_MS)
    assert rig.client.schedules.pause(REF)
    assert not rig.client.schedules.pause(REF)
    assert (info(rig).paused, info(rig).next_at) == (True, None)
    assert rig.client.schedules.next(REF) == []
    assert rig.client.schedules.add("q", schedule("every 2h"), replace=True) == "changed"
    assert (info(rig).paused, info(rig).next_at) == (True, None)
    assert rig.client.schedules.resume(REF)
    assert not rig.client.schedules.resume(REF)
    found = info(rig)
    assert found.next_at == schedule("every 2h").next(found.at)[0]
    assert found.missed == 0


def test_one_may_be_born_paused(rig: Rig) -> None:
    rig.client.schedules.add("q", schedule(), paused=True)
    assert info(rig).paused
    assert rig.run(scheduling.list_due(rig.keys))[1] == []


def test_trigger_makes_one_job_for_a_call_however_often_it_is_repeated(rig: Rig) -> None:
    kept(rig)
    before = info(rig).next_at
    first = rig.client.schedules.trigger(REF)
    found = info(rig)
    repeated = [rig.run(scheduling.trigger(rig.keys, found, "token")) for _ in range(2)]
    assert repeated[0] == repeated[1]
    assert rig.totals()["enqueued"] == 2
    assert info(rig).next_at == before
    assert [run.outcome for run in info(rig).runs] == ["triggered", "triggered"]
    assert info(rig).fired == 0
    assert rig.detail(first.id).schedule == "s"


def test_what_is_removed_leaves_nothing_but_its_jobs(rig: Rig) -> None:
    kept(rig, overlap="skip")
    make_due(rig)
    fire_all(rig)
    assert rig.client.schedules.remove(REF)
    assert not rig.client.schedules.remove(REF)
    for key in (rig.keys.schedules, rig.keys.schedule_times, rig.keys.schedule_runs):
        assert rig.raw.exists(key) == 0
    assert rig.client.snapshot("q").ready_total == 1
    for verb in ("get", "pause", "resume", "trigger", "next"):
        with pytest.raises(NotFound, match="no schedule q/s"):
            getattr(rig.client.schedules, verb)(REF)


def test_a_removed_queue_takes_its_schedules_along(rig: Rig) -> None:
    kept(rig)
    make_due(rig)
    fire_all(rig)
    rig.client.remove("q")
    assert rig.client.schedules.list(["q"]) == []
    assert rig.raw.keys("*schedules*") == []


def test_a_snapshot_says_how_many_there_are_and_when_the_next_is_due(rig: Rig) -> None:
    assert rig.client.snapshot("q").next_fire_at is None
    kept(rig)
    kept(rig, name="later", spec="@yearly")
    found = rig.client.snapshot("q")
    assert found.schedules == 2
    assert found.next_fire_at == info(rig).next_at


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"junk",
        b"n t\n{}\n{}\n{}",
        b'n t\n{}\n{"spec":"x","tz":"y"}\n{}',
        b"\xff\xfe\n\n\n",
        b"n t\n{}\n[\n{}",
    ],
)
def test_records_that_nobody_of_ours_wrote_are_shown_and_never_fired(rig: Rig, record: bytes) -> None:
    rig.raw.hset(rig.keys.schedules, "s", record)
    for score in ("1", "-inf", "1.5", "+inf"):
        rig.raw.zadd(rig.keys.schedule_times, {"s": score})
        rig.client.snapshot("q")
        for row in rig.run(scheduling.list_due(rig.keys))[1]:
            assert row.about is None
            assert list(scheduling.firings(row, 10**13)) == []
    rig.raw.hset(
        rig.keys.schedule_runs, mapping={"s:runs": b"\xff \x00\n1 2", "s:fired": "-1", "s:last": "*"}
    )
    for found in rig.client.schedules.list(["q"]):
        assert not found.sound
        with pytest.raises(Refused, match="cannot be read"):
            rig.client.schedules.trigger(REF)
    rig.client.schedules.remove(REF)


def test_one_that_changed_meanwhile_is_not_resumed_with_the_times_of_before(rig: Rig) -> None:
    kept(rig)
    rig.client.schedules.pause(REF)
    before = info(rig)
    rig.client.schedules.add("q", schedule("every 2h"), replace=True)

    assert rig.run(scheduling.resume(rig.keys, before)) == -2
    assert info(rig).paused
    assert rig.run(scheduling.resume(rig.keys, info(rig))) == 1
