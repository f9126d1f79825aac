"""Every script twice in a queue with limits, tenants, keys, groups, chains; what is counted stays right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import GroupRef, JobOptions, NewGroup, NewJob, Priority, Schedule, State, TaskLimits
from taskq_core.command import Command
from taskq_core.commands import limiting, moving, operate, produce
from taskq_core.limits import stored
from taskq_core.names import JobRef
from tests.scripts import gating
from tests.scripts.crowd import recount
from tests.scripts.grouping import conclude
from tests.scripts.rig import Rig
from tests.scripts.test_import_jobs import BORN, a_job
from tests.scripts.test_twice import TABLE, Scene, playing, twice_is_once
from tests.servers import Server

HOUR = timedelta(hours=1)
OF_LIMITS = (
    "ack", "adopt", "bury", "cancel", "claim_flow", "conclude", "delete", "fail", "fail-for-good", "fire",
    "promote", "purge_index", "purge_ready", "reclaim", "release", "retire", "retry", "set_tenant", "trigger",
)  # fmt: skip


@pytest.fixture
def scene(any_server: Server) -> Iterator[Scene]:
    yield from playing(Rig(any_server, 3), _set)


def _set(rig: Rig) -> Scene:
    rig.hire()
    rig.hire("silent")
    rig.bury(2)
    rig.client.configure("q", max_running=50, tasks={"t": TaskLimits(max_running=9, rate="1000/s burst 900")})
    rig.client.tenants.set("q", "acme", max_running=3, rate="1000/s burst 900", max_waiting=100)
    rig.client.groups.open("q", NewGroup("g", NewJob("t", {}, JobOptions(tenant="beta")), "ended"))
    for tenant in (None, "acme", "beta"):
        rig.add(2, tenant=tenant, group="g", then=[NewJob("t", {})], keep=HOUR)
        rig.add(2, tenant=tenant, concurrency_key="a")
        rig.add(2, tenant=tenant, priority="high")
    jobs = gating.claim(rig, want=9)
    gating.claim(rig, "silent", want=2)
    gating.claim(rig, "silent")  # puts the others aside
    assert min(gating.held(rig), gating.running(rig)["t:t"], len(jobs)) > 0
    due = rig.add(2, tenant="acme", concurrency_key="b", delay=HOUR)
    rig.make_due(due[0])
    rig.client.schedules.add("q", Schedule("due", "every 1h", "t", {}, JobOptions(tenant="beta")))
    rig.raw.zadd(rig.keys.schedule_times, {"due": 1_700_000_000_000})
    return Scene(rig, jobs, rig.expire("silent"))


def _enqueue(scene: Scene) -> Command[Any]:
    options = [
        JobOptions(tenant="acme", concurrency_key="a", group="g"),
        JobOptions(tenant="new", delay=HOUR),
    ]
    return produce.enqueue(
        scene.rig.keys, [produce.Group("t", [b"{}"] * 2, each) for each in options], "s", 1
    )


def _replace(scene: Scene) -> Command[Any]:
    options = JobOptions(tenant="acme", concurrency_key="a", unique="u", replace=True)
    scene.rig.run(produce.enqueue(scene.rig.keys, [produce.Group("t", [b"{}"], options)], "first", 1))
    gating.claim(scene.rig, want=100)  # holds it
    return produce.enqueue(scene.rig.keys, [produce.Group("t", [b"[]"], options)], "second", 1)


def _import(scene: Scene) -> Command[Any]:
    theirs = JobRef("elsewhere", f"n{BORN + 5}-0@acme")
    return moving.import_jobs(scene.rig.keys, [a_job(ref=theirs, concurrency_key="a"), a_job(6, State.DEAD)])


def _tidy(scene: Scene) -> Command[Any]:
    raw, keys = scene.rig.raw, scene.rig.keys
    raw.hset(keys.running, mapping={"t:t": 77, "k:ghost": 3})
    raw.hset(keys.places, "n@acme 1-1", "t:t")
    raw.hset(keys.root + "tenants:sums", mapping={"n": 70, "L": 4})
    return limiting.tidy(keys)


def _tidy_without(scene: Scene) -> Command[Any]:
    """The last limit, key and tenant are gone."""
    rig = scene.rig
    rig.client.tenants.set("q", "acme", max_running=None, rate=None, max_waiting=None)
    rig.ack("w1", *scene.jobs)
    while jobs := gating.claim(rig):
        rig.ack("w1", *jobs)
    while rig.reclaim("silent", scene.expiry).state == "more":
        pass
    rig.run(operate.cancel(rig.keys, scene.everything))
    rig.client.configure("q", max_running="off", tasks={"t": TaskLimits(max_running="off", rate="off")})
    rig.run(limiting.tidy(rig.keys))  # what limits noted
    rig.raw.hset(rig.keys.meta, mapping={"flow": 1, "gates": 1})
    return limiting.tidy(rig.keys)


CALLS: dict[str, Callable[[Scene], Command[Any]]] = {
    **{verb: TABLE[verb] for verb in OF_LIMITS},
    "configure": lambda s: operate.configure(
        s.rig.keys,
        stored(rate="5/s", max_running=0, key_max_running=2, tasks={"t": TaskLimits(max_running=1)}),
    ),
    "enqueue": _enqueue,
    "enqueue-replace": _replace,
    "import_jobs": _import,
    "purge_ready-tenant": lambda s: operate.purge(s.rig.keys.of_tenant("acme"), State.READY, None, 1000),
    "seal_group": lambda s: TABLE["seal_group-force"](s),
    "tidy": _tidy,
    "tidy-without": _tidy_without,
}


@pytest.mark.parametrize("verb", CALLS)
def test_a_call_that_arrives_twice_counts_once(scene: Scene, verb: str) -> None:
    twice_is_once(scene, verb, CALLS[verb](scene), _counted)


def _counted(rig: Rig) -> None:
    """What is kept of places and tenants is what a recount finds."""
    recount(rig)
    assert gating.running(rig) == gating.recount(rig)


def test_a_group_of_tenants_with_limits_ends_with_one_callback(scene: Scene) -> None:
    rig = scene.rig
    while rig.reclaim("silent", scene.expiry).state == "more":
        pass
    rig.client.groups.seal(GroupRef("q", "g"))
    jobs = scene.jobs
    while jobs or rig.promote()[0]:
        members = [job for job in jobs if job.meta.group]
        for _ in range(2):
            conclude(rig, "w1", *members)
            rig.ack("w1", *(job for job in jobs if not job.meta.group))
        _counted(rig)
        jobs = gating.claim(rig)
    info = rig.client.groups.get(GroupRef("q", "g"))

    assert (info.total, info.done) == (6, 6)
    assert info.finished_at is not None
    assert rig.client.snapshot("q").ready[Priority.NORMAL] == 0
