"""Schedules on the server, step by step: kept, fired once for each time, made up for, paused, removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import (
    JobOptions,
    Overlap,
    QueueDraining,
    QueueFull,
    Refused,
    TenantFull,
)
from taskq_core.commands import scheduling
from taskq_core.commands.scheduling import Stays
from taskq_core.names import JobRef
from tests.scripts.crowd import recount, take
from tests.scripts.rig import Rig
from tests.scripts.scheduling import HOUR_MS, REF, fire_all, info, kept, look, make_due, schedule

# -- keeping ----------------------------------------------------------------------------------------


def test_what_is_kept_is_what_is_read(rig: Rig) -> None:
    made = kept(
        rig, "30 2 * * *", tz="Europe/Berlin", missed="all", grace=timedelta(hours=2), overlap="skip",
        jitter=timedelta(seconds=30), options=JobOptions(
            priority="high", retries=2, keep=timedelta(hours=1), concurrency_key="k"
        ),
        payload={"a": [1, "é"]},
    )  # fmt: skip
    found = info(rig)

    assert (found.sound, found.code, found.paused, found.runs) == (True, False, False, ())
    assert found.schedule.payload == b'{"a":[1,"\xc3\xa9"]}'
    assert found.next_at == made.next(found.at)[0]
    for field in ("spec", "task", "options", "tz", "missed", "grace", "overlap", "jitter"):
        assert getattr(found.schedule, field) == getattr(made, field)
    assert [each.schedule for each in rig.client.schedules.list(["q", "other"])] == [found.schedule]
    assert rig.client.queues() == ["q"]


def test_the_same_again_changes_nothing_and_another_one_needs_a_word(rig: Rig) -> None:
    kept(rig)
    before = rig.dump()
    assert rig.client.schedules.add("q", schedule()) == "unchanged"
    with pytest.raises(Refused, match="another schedule named 's'"):
        rig.client.schedules.add("q", schedule(payload={"n": 2}))
    assert rig.dump() == before
    assert rig.client.schedules.add("q", schedule(payload={"n": 2}), replace=True) == "changed"
    assert info(rig).schedule.payload == b'{"n":2}'


def test_a_change_keeps_a_time_that_is_due_unless_the_timetable_changes(rig: Rig) -> None:
    kept(rig)
    due = make_due(rig)
    rig.client.schedules.add("q", schedule(task="other"), replace=True)
    assert look(rig)[1].due == due
    rig.client.schedules.add("q", schedule("every 2h"), replace=True)
    assert rig.run(scheduling.list_due(rig.keys))[1] == []


@pytest.mark.parametrize(
    ("there", "comes", "found"),
    [
        (Stays.ALL, Stays.BY_HAND, "taken"),
        (Stays.BY_HAND, Stays.BY_HAND, "changed"),
        (Stays.BY_HAND, Stays.WHATEVER, "unchanged"),
        (Stays.BY_HAND, Stays.ALL, "taken"),
        (Stays.BY_HAND, Stays.NONE, "changed"),
    ],
)
def test_code_replaces_code_and_never_what_was_added_by_hand(
    rig: Rig, there: Stays, comes: Stays, found: str
) -> None:
    now = rig.run(scheduling.list_due(rig.keys))[0]
    assert rig.run(scheduling.add(rig.keys, schedule(), now, there)) == "created"
    assert rig.run(scheduling.add(rig.keys, schedule(payload={}), now, comes)) == found


def test_a_queue_has_a_limit_of_schedules(rig: Rig) -> None:
    rig.raw.hset(rig.keys.schedules, mapping={f"x{n}": "" for n in range(1000)})
    with pytest.raises(Refused, match="as many schedules"):
        rig.client.schedules.add("q", schedule())


# -- firing -----------------------------------------------------------------------------------------


def test_a_time_is_fired_once_however_often_and_by_whomever(rig: Rig) -> None:
    kept(rig)
    due = make_due(rig)
    now, row = look(rig)
    (step,) = scheduling.firings(row, now)
    replies = [rig.run(scheduling.fire(rig.keys, row, step)) for _ in range(3)]

    assert [state for state, _ in replies] == ["fired", "passed", "passed"]
    rig.hire()
    (job,) = rig.claim(want=10)
    assert (job.id, job.task, job.payload) == (replies[0][1], "t", {"n": 1})
    assert job.schedule == "s"
    assert job.due is not None
    assert round(job.due.timestamp() * 1000) == due
    found = info(rig)
    assert (found.fired, found.missed, found.skipped) == (1, 0, 0)
    assert found.next_at == schedule().next(found.at)[0]
    assert found.last is not None
    assert (found.last.outcome, found.last.job) == ("fired", JobRef("q", job.id))
    assert timedelta(0) <= found.last.drift < timedelta(seconds=5)
    assert rig.totals()["fired"] == rig.totals()["enqueued"] == 1
    detail = rig.detail(job.id)
    assert (detail.schedule, detail.fire_at) == ("s", job.due)


def test_what_the_caller_saw_must_still_be_so(rig: Rig) -> None:
    kept(rig)
    make_due(rig)
    now, row = look(rig)
    (step,) = scheduling.firings(row, now)
    rig.client.schedules.add("q", schedule(payload={"n": 2}), replace=True)
    before = rig.dump()
    assert rig.run(scheduling.fire(rig.keys, row, step)) == ("passed", "")
    rig.client.schedules.pause(REF)
    rig.client.schedules.resume(REF)
    make_due(rig, 5_000)
    now, row = look(rig)
    (step,) = scheduling.firings(row, now)
    rig.client.schedules.remove(REF)
    assert rig.run(scheduling.fire(rig.keys, row, step)) == ("passed", "")
    assert rig.totals().get("fired", 0) == 0
    assert before != rig.dump()


@pytest.mark.parametrize(
    ("missed", "late_h", "fired", "counted"),
    [
        ("skip", 3, 0, 4),
        ("latest", 3, 1, 3),
        ("all", 3, 4, 0),
        ("all", 30, 24, 7),  # its grace is a day
    ],
)
def test_missed_times_are_made_up_for_by_policy(
    rig: Rig, missed: str, late_h: int, fired: int, counted: int
) -> None:
    kept(rig, missed=missed, grace=timedelta(hours=1) if missed == "latest" else None)
    make_due(rig, late_h * HOUR_MS)
    states = fire_all(rig)
    found = info(rig)

    assert (found.fired, found.missed) == (fired, counted)
    assert states == (["fired"] * fired or ["missed"])
    assert found.next_at == schedule().next(found.at)[0]
    dues = [run.due for run in found.runs]
    assert dues == sorted(dues, reverse=True)
    assert len(dues) == min(fired, 10)
    assert rig.totals().get("missed", 0) == counted


def test_beyond_the_grace_nothing_is_made_up_for(rig: Rig) -> None:
    kept(rig, "every 1d", grace=timedelta(milliseconds=1))
    make_due(rig, 60_000)
    assert fire_all(rig) == ["missed"]
    assert (info(rig).missed, info(rig).fired) == (1, 0)


def test_a_crash_while_runs_are_made_up_for_loses_none_and_doubles_none(rig: Rig) -> None:
    kept(rig, missed="all")
    make_due(rig, 5 * HOUR_MS)
    now, row = look(rig)
    steps = list(scheduling.firings(row, now))
    for step in steps[:2]:  # then its worker died
        rig.run(scheduling.fire(rig.keys, row, step))
    fire_all(rig)
    rig.hire()
    dues = [job.due for job in rig.claim(want=100)]
    assert len(dues) == len(set(dues)) == 6


def test_overlap_skip_leaves_a_run_out_while_the_last_job_waits_runs_or_is_retried(rig: Rig) -> None:
    kept(rig, overlap="skip")
    make_due(rig)
    assert fire_all(rig) == ["fired"]
    make_due(rig)
    assert fire_all(rig) == ["skipped"]
    rig.hire()
    (job,) = rig.claim()
    make_due(rig)
    assert fire_all(rig) == ["skipped"]
    with pytest.raises(Refused, match="is not over"):
        rig.client.schedules.trigger(REF)
    assert rig.run(rig.failing("w1", job, retries=3, delay_ms=HOUR_MS)) == 1
    make_due(rig)
    assert fire_all(rig) == ["skipped"]
    rig.client.retry("q", [job.id])
    rig.promote()
    (again,) = rig.claim()
    assert (again.id, again.due, again.schedule) == (job.id, job.due, "s")
    assert rig.ack("w1", again) == 1
    make_due(rig)
    assert fire_all(rig) == ["fired"]
    assert (info(rig).fired, info(rig).skipped) == (2, 3)


def test_a_run_that_cancels_the_one_before_names_it(rig: Rig) -> None:
    kept(rig, overlap=Overlap.CANCEL_PREVIOUS)
    make_due(rig)
    assert look(rig)[1].cancels == ""
    fire_all(rig)
    make_due(rig)
    (job,) = rig.client.list_jobs("q", rig.state(look(rig)[1].cancels)).jobs
    assert look(rig)[1].cancels == job.ref.id


def test_jitter_puts_a_run_off_and_keeps_its_due_time(rig: Rig) -> None:
    kept(rig, jitter=timedelta(hours=12))
    due = make_due(rig)
    assert fire_all(rig) == ["fired"]
    last = info(rig).last
    assert last is not None
    assert last.job is not None
    detail = rig.client.inspect(last.job)
    assert detail.due_at is not None
    assert detail.fire_at == last.due
    late = round(detail.due_at.timestamp() * 1000) - due
    assert late == scheduling.delay_ms("q", "s", due, 12 * HOUR_MS)
    rig.make_due(last.job.id)
    assert rig.promote()[0] == 1
    rig.hire()
    (job,) = rig.claim()
    assert (job.id, job.due) == (last.job.id, last.due)


def test_jitter_is_spread_and_the_same_for_whoever_fires() -> None:
    delays = [scheduling.delay_ms("q", "s", due, 1000) for due in range(0, 2_000_000, 1000)]
    assert delays == [scheduling.delay_ms("q", "s", due, 1000) for due in range(0, 2_000_000, 1000)]
    assert 0 <= min(delays) < 20
    assert 980 < max(delays) < 1000


def test_a_queue_that_takes_nothing_keeps_its_schedule_due(rig: Rig) -> None:
    kept(rig)
    due = make_due(rig)
    rig.client.configure("q", max_jobs=1)
    (job_id,) = rig.add()
    with pytest.raises(QueueFull):
        fire_all(rig)
    rig.client.cancel("q", [job_id])
    rig.client.configure("q", max_bytes=1)
    with pytest.raises(QueueFull):
        fire_all(rig)
    rig.client.configure("q", max_bytes=0)
    rig.client.drain("q")
    with pytest.raises(QueueDraining):
        fire_all(rig)
    with pytest.raises(QueueDraining):
        rig.client.schedules.trigger(REF)
    rig.client.resume("q")
    assert look(rig)[1].due == due
    assert fire_all(rig) == ["fired"]


@pytest.mark.parametrize("head", ["x t", "nn t", "t", ""])
def test_a_record_of_no_known_level_makes_no_job(rig: Rig, head: str) -> None:
    kept(rig)
    make_due(rig)
    now, row = look(rig)
    (step,) = scheduling.firings(row, now)
    known = info(rig)
    _, _, rest = rig.raw.hget(rig.keys.schedules, "s").partition(b"\n")
    rig.raw.hset(rig.keys.schedules, "s", head.encode() + b"\n" + rest)

    assert rig.run(scheduling.fire(rig.keys, row, step)) == ("passed", "")
    assert rig.run(scheduling.trigger(rig.keys, known, "token")) == ("", "")
    assert rig.totals() == {}


# -- of tenants -------------------------------------------------------------------------------------


def test_a_tenants_schedule_makes_jobs_of_the_tenant(rig: Rig) -> None:
    made = kept(rig, options=JobOptions(tenant="acme", priority="high"), overlap="skip")
    assert info(rig).schedule.options == made.options
    make_due(rig)
    assert fire_all(rig) == ["fired"]
    recount(rig)
    (run,) = info(rig).runs
    rig.client.schedules.add("q", schedule(options=made.options, overlap="cancel_previous"), replace=True)
    make_due(rig)
    assert run.job is not None
    assert look(rig)[1].cancels == run.job.id
    rig.client.schedules.add("q", made, replace=True)
    assert fire_all(rig) == ["skipped"]
    rig.hire()
    (job,) = take(rig, want=9)
    assert (job.id, job.tenant, job.schedule) == (run.job.id, "acme", "s")
    assert job.id.startswith("h")
    assert job.id.endswith("@acme")
    with pytest.raises(Refused, match="is not over"):
        rig.client.schedules.trigger(REF)
    rig.ack("w1", job)
    receipt = rig.client.schedules.trigger(REF)
    assert [each.id for each in take(rig, want=9)] == [receipt.id]
    recount(rig)


def test_a_tenants_run_that_is_put_off_is_the_tenants_too(rig: Rig) -> None:
    kept(rig, options=JobOptions(tenant="acme", concurrency_key="k"), jitter=timedelta(hours=20))
    due = make_due(rig)
    assert fire_all(rig) == ["fired"]
    (run,) = info(rig).runs
    assert run.job is not None
    assert run.job.tenant == "acme"
    assert rig.raw.zscore(rig.keys.due, run.job.id) > due
    rig.make_due(run.job.id)
    rig.promote()
    rig.hire()

    assert [(job.id, job.tenant, job.meta.concurrency) for job in take(rig)] == [(run.job.id, "acme", "k")]
    recount(rig)


def test_a_run_for_which_its_tenant_has_no_room_stays_due(rig: Rig) -> None:
    rig.client.tenants.set("q", "acme", max_waiting=1)
    kept(rig, options=JobOptions(tenant="acme"))
    make_due(rig)
    assert fire_all(rig) == ["fired"]
    due = make_due(rig)
    before = rig.dump()
    with pytest.raises(TenantFull):
        fire_all(rig)
    with pytest.raises(TenantFull):
        rig.client.schedules.trigger(REF)
    assert rig.dump() == before
    assert look(rig)[1].due == due
    rig.hire()
    rig.ack("w1", *take(rig))

    assert fire_all(rig) == ["fired"]
    recount(rig)
