"""What limits and pauses of tenants hold is told, and how many jobs have their turn before one of them."""

from __future__ import annotations

import pytest

from taskq_cli.why.line import line_of
from taskq_cli.why.reading import Reader
from taskq_core import HeldTenants, JobRef, NewGroup, NewJob, Priority, TenantLimits
from taskq_core.errors import InvalidOption
from tests.scripts.crowd import drain, take
from tests.scripts.rig import Rig


def test_what_tenants_hold_is_counted_and_the_worst_are_named(rig: Rig) -> None:
    rig.hire()
    tenants = rig.client.tenants
    assert tenants.held("q") == HeldTenants()
    tenants.set("q", "busy", max_running=2)
    tenants.set("q", "slow", rate="1/h burst 3")
    tenants.set("q", "heavy", weight=5, max_waiting=50)
    tenants.pause("q", "off")
    for name, count in (("busy", 6), ("slow", 4), ("heavy", 3), ("off", 2), ("free", 1)):
        rig.add(count, tenant=name)
    rig.add(1, tenant="off", priority=Priority.HIGH)

    found = tenants.held("q")  # as many as may start are not held
    assert [(each.name, each.held, each.reason) for each in found.worst] == [
        ("busy", 4, "0 of 2 running"), ("off", 3, "paused"), ("slow", 1, "rate 1/h burst 3"),
    ]  # fmt: skip
    assert (found.paused, found.paused_jobs, found.limited, found.limited_jobs) == (1, 3, 2, 5)
    seen = rig.client.snapshot("q")
    assert (seen.held, seen.held_by_tenants, seen.ready_total) == (8, 8, 17)

    jobs = take(rig, want=100)
    found = tenants.held("q", limit=1)
    assert [(each.name, each.ready, each.running, each.held) for each in found.worst] == [("busy", 4, 2, 4)]
    assert found.jobs == 8 == rig.client.snapshot("q").ready_total == rig.client.snapshot("q").held
    assert found.worst[0].limits == TenantLimits(max_running=2)

    rig.ack("w1", *[job for job in jobs if job.tenant == "busy"])
    tenants.resume("q", "off")
    assert tenants.held("q").paused == 0
    assert rig.client.snapshot("q").held == 3
    with pytest.raises(InvalidOption):
        tenants.held("q", limit=501)


def test_a_job_that_its_task_holds_is_held_once(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", max_running=50)
    for _ in range(3):
        rig.add(1, tenant="a", concurrency_key="k")
    assert len(take(rig, want=10)) == 1
    assert rig.client.snapshot("q").held == 2  # of a tenant too
    rig.client.tenants.pause("q", "a")
    seen = rig.client.snapshot("q")
    assert (seen.held, seen.held_by_tenants) == (2, 0)
    rig.add(1, tenant="a")
    assert rig.client.snapshot("q").held_by_tenants == 1


def test_of_many_tenants_with_limits_those_with_jobs_are_looked_at_or_some_of_them(rig: Rig) -> None:
    for number in range(400):
        rig.add(1, tenant=f"t{number}")
    rig.raw.hset(rig.keys.tenants_set, mapping={f"t{number}": "1 0 0 1" for number in range(400)})
    assert rig.client.snapshot("q").held_by_tenants == 400  # as three of four say
    rig.raw.hset(rig.keys.tenants_set, mapping={f"x{number}": "1 0 0 1" for number in range(2000)})
    rig.raw.hset(rig.keys.tenants_set, "Bad name\n", "what")
    rig.add(1, tenant="t7", priority=Priority.HIGH)
    found = rig.client.tenants.held("q")
    assert (found.paused, found.paused_jobs, found.limited) == (400, 401, 0)
    assert rig.client.snapshot("q").held <= 401
    assert len(found.worst) == 10


def test_groups_that_have_not_finished_are_listed(rig: Rig) -> None:
    rig.hire()
    for name in ("a", "b", "c"):
        rig.client.groups.open("q", NewGroup(name, NewJob("done", {}), expected=1))
        rig.add(1, group=name)
    assert rig.client.snapshot("q").groups == 3
    rig.client.groups.finish(next(info.ref for info in rig.client.groups.list("q") if info.ref.id == "b"))
    found = rig.client.groups.unfinished("q")
    assert (rig.client.snapshot("q").groups, sorted(info.ref.id for info in found)) == (2, ["a", "c"])
    assert len(rig.client.groups.unfinished("q", limit=1)) == 1


def test_how_many_are_ahead_is_close_to_how_many_start_before(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", weight=3)
    counts: dict[str | None, int] = {None: 40, "a": 60, "b": 40, "c": 5, "paused": 30}
    ids = {name: rig.add(count, tenant=name) if name else rig.add(count) for name, count in counts.items()}
    rig.client.tenants.pause("q", "paused")
    asked: list[tuple[str | None, int]] = [(None, 30), ("a", 55), ("a", 20), ("b", 39), ("c", 0), ("c", 4)]
    reader = Reader(rig.client)
    told = [line_of(reader.job(JobRef("q", ids[name][place]))).ahead for name, place in asked]

    order: list[str | None] = drain(rig)

    for (name, place), ahead in zip(asked, told, strict=True):
        start = [at for at, whose in enumerate(order) if whose == name][place]
        assert abs(start - ahead) <= 6, (
            f"job {place} of {name}: {start} before it, and not {ahead}"
        )  # a round
