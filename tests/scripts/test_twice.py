"""Every script may arrive twice: the second call leaves the whole database as the first one left it.

The table has to name all scripts; one that is missing, or that only reads and is not marked so, fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import GroupRef, JobOptions, NewGroup, NewJob, Schedule, ScheduleRef, State, TaskLimits
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import (
    grouping,
    limiting,
    moving,
    noting,
    operate,
    produce,
    scheduling,
    tenancy,
    work,
)
from taskq_core.commands.work import Acks
from taskq_core.notebook import Notebook
from taskq_core.observe import probe
from taskq_core.scripts import script, script_names
from tests.dump import dump
from tests.scripts.grouping import concluding
from tests.scripts.rig import LONG_MS, Rig
from tests.scripts.test_import_jobs import a_job
from tests.servers import Server

HOUR = timedelta(hours=1)
DONE = b'{"state":"done","result":1}'
WRITES = {name for name in script_names() if "no-writes" not in script(name).source.splitlines()[0]}


@dataclass(frozen=True, slots=True)
class Scene:
    """A queue with jobs in every state and from every history, some of them the worker's own."""

    rig: Rig
    jobs: list[Job]
    expiry: str

    @property
    def everything(self) -> list[str]:
        """The ids of all jobs."""
        states = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
        return [job.ref.id for state in states for job in self.rig.client.list_jobs("q", state).jobs]


def playing(rig: Rig, fill: Callable[[Rig], Scene]) -> Iterator[Scene]:
    """A scene for one test, as a fixture yields it."""
    yield fill(rig)
    rig.client.close()


@pytest.fixture
def scene(server: Server) -> Iterator[Scene]:
    yield from playing(Rig(server, 2), _set)


def _set(rig: Rig) -> Scene:
    rig.hire()
    rig.bury(2)
    due, _ = rig.add(2, delay=HOUR)
    again = rig.add(2, keep=HOUR)
    rig.run(rig.failing("w1", *rig.claim(want=2), retries=3))
    rig.make_due(*again)
    rig.promote()
    rig.add(1, priority="low")
    rig.run(work.release(rig.keys, "w1", rig.claim(want=1, order="l")))
    rig.add(1, unique="key")
    rig.client.groups.open("q", NewGroup("g", NewJob("t", {}), "ended"))
    rig.add(1, group="g", then=[NewJob("t", {})], keep=HOUR)
    rig.add(2, group="g")
    jobs = rig.claim(want=4)
    rig.make_due(due)
    rig.hire("silent")
    rig.claim("silent")
    for name in ("due", "paused"):
        rig.client.schedules.add("q", Schedule(name, "every 1h", "t", {}))
    rig.client.schedules.pause(ScheduleRef("q", "paused"))
    rig.raw.zadd(rig.keys.schedule_times, {"due": 1_700_000_000_000})
    rig.raw.set(rig.keys.tail, "10 100 60000", ex=60)  # somebody follows what ends
    return Scene(rig, jobs, rig.expire("silent"))


def _enqueue(scene: Scene) -> Command[Any]:
    groups = [produce.Group("t", [b"{}"] * 2), produce.Group("t", [b"{}"], JobOptions(delay=HOUR))]
    unique = produce.Group("t", [b"{}"], JobOptions(unique="other"))
    return produce.enqueue(scene.rig.keys, [*groups, unique], "session", 1)


def _report(scene: Scene) -> Command[Any]:
    scene.rig.raw.set(scene.rig.keys.tail_notes, "10 100 60000", ex=60)  # somebody follows what jobs say
    book = Notebook()
    book.progress(0.5, "half")
    for n in range(300):
        book.log(f"line {n} " + "x" * 1_000)
    news = book.news()
    assert news is not None
    return noting.report(scene.rig.keys, "w1", [noting.Report(job, news, LONG_MS) for job in scene.jobs])


def _fire(scene: Scene) -> Command[Any]:
    now, (row,) = scene.rig.run(scheduling.list_due(scene.rig.keys))
    return scheduling.fire(scene.rig.keys, row, next(scheduling.firings(row, now)))


def _info(scene: Scene, name: str) -> Any:
    return scene.rig.client.schedules.get(ScheduleRef("q", name))


def _add_schedule(scene: Scene) -> Command[Any]:
    made = Schedule("due", "every 2h", "t", {})
    return scheduling.add(scene.rig.keys, made, 1_800_000_000_000, scheduling.Stays.NONE)


def _conclude(scene: Scene) -> Command[Any]:
    scene.rig.client.groups.seal(GroupRef("q", "g"))
    return concluding(scene.rig, "w1", *(job for job in scene.jobs if job.meta.group))


def _claim_flow(scene: Scene) -> Command[Any]:
    scene.rig.client.configure("q", max_running=50, tasks={"t": TaskLimits(max_running=9)})
    scene.rig.add(30, concurrency_key="a")
    return work.claim(scene.rig.keys, "w1", work.Wanted(1000), flow=True)


def _tidy(scene: Scene) -> Command[Any]:
    scene.rig.run(_claim_flow(scene))
    scene.rig.raw.hset(scene.rig.keys.running, mapping={"t:t": 77, "k:ghost": 3})
    scene.rig.raw.hset(scene.rig.keys.places, "n1-1", "t:t")
    return limiting.tidy(scene.rig.keys)


def _purge_tenant(scene: Scene) -> Command[Any]:
    scene.rig.add(2, tenant="acme", delay=HOUR)
    return tenancy.purge_owned(scene.rig.keys, "acme", State.SCHEDULED, 0, None)


def _remove_parts(scene: Scene) -> Command[Any]:
    scene.rig.add(2, tenant="acme")
    return operate.remove_parts(scene.rig.keys)


TABLE: dict[str, Callable[[Scene], Command[Any]]] = {
    "ack": lambda s: s.rig.acking("w1", *(job for job in s.jobs if not job.meta.unique), result=DONE),
    "ack-with-lock": lambda s: s.rig.acking("w1", *(job for job in s.jobs if job.meta.unique)),
    "ack-times": lambda s: work.ack(s.rig.keys, "w1", Acks(counts={"r1": 1})),
    "add_schedule": _add_schedule,
    "adopt": lambda s: work.adopt(s.rig.keys, "w1", [(job.stream, job.entry) for job in s.jobs]),
    "announce": lambda s: operate.announce("default", "other"),
    "bury": lambda s: operate.bury(s.rig.keys, s.everything),
    "cancel": lambda s: operate.cancel(s.rig.keys, s.everything),
    "claim": lambda s: work.claim(s.rig.keys, "w1", work.Wanted(1000)),
    "claim_flow": _claim_flow,
    "conclude": _conclude,
    "configure": lambda s: operate.configure(s.rig.keys, {"max_jobs": 5, "dead_max": None}),
    "delete": lambda s: operate.delete(s.rig.keys, s.everything),
    "drain": lambda s: operate.drain(s.rig.keys),
    "enqueue": _enqueue,
    "fail": lambda s: s.rig.failing("w1", *s.jobs, retries=9, delay_ms=60_000),
    "fail-for-good": lambda s: s.rig.failing("w1", *s.jobs),
    "fire": _fire,
    "heartbeat": lambda s: work.heartbeat(s.rig.keys, "w1", LONG_MS, {"host": "h2"}),
    "import_jobs": lambda s: moving.import_jobs(
        s.rig.keys, [a_job(), a_job(1, State.DEAD), a_job(2, letter="s")]
    ),
    "open_group": lambda s: grouping.open_group(s.rig.keys, NewGroup("other", NewJob("t", {}), expected=0)),
    "pause": lambda s: operate.pause(s.rig.keys),
    "pause_schedule": lambda s: scheduling.pause(s.rig.keys, "due"),
    "pending": lambda s: work.pending(s.rig.keys, "w1"),
    "probe": lambda s: probe(s.rig.keys),
    "promote": lambda s: work.promote(s.rig.keys),
    "purge_index": lambda s: operate.purge(s.rig.keys, State.SCHEDULED, None, 1000),
    "purge_index-dead": lambda s: operate.purge(s.rig.keys, State.DEAD, None, 1000),
    "purge_ready": lambda s: operate.purge(s.rig.keys, State.READY, None, 1000),
    "reclaim": lambda s: work.reclaim(s.rig.keys, "silent", s.expiry),
    "register": lambda s: work.register(s.rig.keys, "new", LONG_MS, {"host": "h"}),
    "release": lambda s: work.release(s.rig.keys, "w1", s.jobs),
    "remove": lambda s: operate.remove(s.rig.keys),
    "remove_group": lambda s: grouping.remove_group(s.rig.keys, "g"),
    "purge_tenant": _purge_tenant,
    "remove_parts": _remove_parts,
    "set_tenant": lambda s: tenancy.set_tenant(s.rig.keys, "acme", {"weight": 2, "paused": True}),
    "remove_schedule": lambda s: scheduling.remove(s.rig.keys, "due"),
    "report": _report,
    "resume": lambda s: operate.resume(s.rig.keys),
    "resume_schedule": lambda s: scheduling.resume(s.rig.keys, _info(s, "paused")),
    "retire": lambda s: work.retire(s.rig.keys, "w1"),
    "retry": lambda s: operate.retry(s.rig.keys, s.everything),
    "seal_group": lambda s: grouping.seal_group(s.rig.keys, "g"),
    "seal_group-force": lambda s: grouping.seal_group(s.rig.keys, "g", force=True),
    "tidy": _tidy,
    "tell": lambda s: work.tell(s.rig.keys, "w1", b"{}", LONG_MS),
    "trigger": lambda s: scheduling.trigger(s.rig.keys, _info(s, "due"), "token"),
    "watch": lambda s: work.watch(s.rig.keys, "w1", LONG_MS),
}
CHANGE_NOTHING = {"ack-times", "adopt", "pending", "probe", "resume"}
UNLIKE: dict[str, tuple[str, str]] = {
    "claim": ("", "each call takes what it wants; jobs of a lost reply are adopted. So here: all there are"),
    "promote": ("", "each call is a further step of at most 100 jobs. So here: all that are due"),
    "purge_index": ("", "each call is a further step of as many jobs as it is told. So here: all"),
    "purge_ready": ("", "the same"),
    "reclaim": ("silent", "the step that finds nothing left strikes the worker off the books"),
    "heartbeat": ("leases", "a lease that is renewed again ends later"),
    "register": ("leases", "the same"),
    "tell": ("told", "an order that is there twice is obeyed once: the worker knows what it has stopped"),
}
"""Scripts of which a repeat may do more: in which keys or of which name, and why no harm comes of it."""


def test_every_script_that_may_write_is_in_the_table() -> None:
    assert {verb.partition("-")[0] for verb in TABLE} == WRITES
    assert set(UNLIKE) <= set(TABLE)


@pytest.mark.parametrize("verb", TABLE)
def test_a_call_that_arrives_twice_has_the_effect_of_one(scene: Scene, verb: str) -> None:
    twice_is_once(scene, verb, TABLE[verb](scene))


def twice_is_once(
    scene: Scene, verb: str, command: Command[Any], check: Callable[[Rig], None] = lambda _rig: None
) -> None:
    """Makes a call, and once more: only the first may change something. ``check`` follows each."""
    assert command.script.name == verb.partition("-")[0]
    before = seen(scene, "")
    scene.rig.run(command)
    check(scene.rig)
    assert (seen(scene, "") == before) is (verb in CHANGE_NOTHING)
    named = UNLIKE.get(verb, ("", ""))[0]
    kept = seen(scene, named)
    scene.rig.run(command)

    assert seen(scene, named) == kept
    check(scene.rig)


def seen(scene: Scene, named: str) -> Any:
    """The database without keys of that name, and without mention of a worker of that name."""
    found = dump(scene.rig.raw)
    if not named:
        return found
    kept: dict[str, Any] = {}
    for key, value in found.items():
        suffix = key.rpartition("}:")[2]
        if suffix == "revoked":
            kept[key] = [row for row in value if row[0] != named.encode()]
        elif suffix == "rooms":
            kept[key] = value - {named.encode()}
        elif isinstance(value, dict) and "groups" in value:
            kept[key] = value | {"groups": [_without(group, named.encode()) for group in value["groups"]]}
        elif not suffix.startswith((named, f"worker:{named}", f"rooms:{named}")):
            kept[key] = value
    return {key: value for key, value in kept.items() if value != []}


def _without(group: tuple[Any, ...], consumer: bytes) -> tuple[Any, ...]:
    name, last, consumers, pending = group
    return name, last, [found for found in consumers if found != consumer], pending
