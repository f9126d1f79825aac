"""Jobs under limits, of tenants, in groups and chains, with notes; and whether all of that was kept to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taskq_core import GroupRef, JobOptions, NewGroup, NewJob, TaskLimits
from tests.chaos.asked import Label, beyond_rate, longest_turn, peaks, too_early
from tests.chaos.world import QUEUE, World
from tests.keyspace import remains
from tests.scripts import crowd, gating
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)
SLACK_S = 0.5
"""A start may be noted so much later than its claim, on a machine that is busy."""
ROUNDS = 3
AHEAD = 40
"""Jobs that a worker may have taken ahead of a turn; those that were killed count too, and those of a claim
that came twice, which are found after half a lease."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a case is about: how its jobs come to be, and what must be so when all is quiet."""

    plant: Callable[[World], None]
    check: Callable[[World], None]


def plant(
    world: World, task: str, count: int, label: Label, options: JobOptions | None = None, **payload: Any
) -> range:
    """Enqueues jobs, and notes what they are to keep to."""
    numbers = world.numbers(count)
    jobs = [NewJob(task, {"n": n, **payload}, options or JobOptions()) for n in numbers]
    _add(world, jobs, [(n, label) for n in numbers])
    return numbers


def _add(world: World, jobs: Sequence[NewJob], made: Sequence[tuple[int, Label]]) -> None:
    """``made``: the numbers that come of it, which may be more than the jobs: those of later links too."""
    for number, label in made:
        world.labels[number] = label
        world.ledger.note("intent", number)
    receipts = world.admin.enqueue_jobs(QUEUE, jobs)
    ids = [receipt.id for receipt in receipts] if len(jobs) == len(made) else [""] * len(made)
    for (number, _), job_id in zip(made, ids, strict=True):
        world.ledger.note("ok", number, job=job_id)


def alone(world: World, *, plain: bool) -> bool:
    """Whether all jobs are of no tenant, or all have turns: else these wait behind jobs that have none."""
    return all((label.tenant is None) is plain for label in world.labels.values())


def nothing_is_left(world: World) -> None:
    """What the server counts of limits and tenants is what lies there, and that is nothing."""
    rig = Rig(world.present, 2, QUEUE)
    try:
        assert gating.running(rig) == gating.recount(rig) == {}
        assert gating.held(rig) == 0
        crowd.recount(rig)
        left = [what for what in remains(rig.raw) if ":leases holds" not in what]
        assert left == []
    finally:
        rig.client.close()


# -- limits ---------------------------------------------------------------------------------------

RUNNING = {"queue": 10, "task thread": 3, "key a": 1, "key b": 1, "key c": 1}
A_SECOND, BURST = 40, 5


def plant_limits(world: World) -> None:
    """Jobs under limits of the queue, of tasks and of keys."""
    tasks = {
        "thread": TaskLimits(max_running=RUNNING["task thread"]),
        "paced": TaskLimits(rate=f"{A_SECOND}/s burst {BURST}"),
    }
    world.admin.configure(QUEUE, max_running=RUNNING["queue"], tasks=tasks)
    plant(world, "nap", 40, Label(("queue",)), s=0.03)
    plant(world, "thread", 30, Label(("queue", "task thread")), s=0.03)
    plant(world, "paced", 60, Label(("queue", "rate")), s=0.01)
    for key in "abc":
        options = JobOptions(concurrency_key=key)
        plant(world, "nap", 15, Label(("queue", f"key {key}")), options, s=0.02)


def check_limits(world: World) -> None:
    """No limit was passed, all workers together, and places were used side by side."""
    events = world.events()
    most = peaks(events, world.labels)
    passed = {gate: most[gate] for gate, limit in RUNNING.items() if most.get(gate, 0) > limit}
    assert not passed, f"limits passed: {passed}"
    if alone(world, plain=True) and not any(event.kind == "stopped" for event in events):
        # not all: a worker that tries out whether one thread is as good as many may have them all for a while
        assert most["task thread"] > 1, "places were not used side by side"
    paced = {number for number, label in world.labels.items() if "rate" in label.gates}
    beyond = beyond_rate(events, paced, A_SECOND, BURST)
    assert beyond <= A_SECOND * SLACK_S, f"{beyond} starts beyond the rate"
    assert _waited_for_the_rate(world, paced), "the rate held nobody"


def _waited_for_the_rate(world: World, paced: set[int]) -> bool:
    starts = [event.at for event in world.events() if event.kind == "start" and event.number in paced]
    return max(starts) - min(starts) > (len(paced) - BURST) / A_SECOND - SLACK_S


# -- tenants --------------------------------------------------------------------------------------

SMALL = ("t0", "t1", "t2", "t3", "t4", "t5", "")
WEIGHTS = {"t0": 3, "big": 1}
TIGHT = {"t1": 1, "big": 12}


def plant_tenants(world: World) -> None:
    """A tenant with many jobs, and then some with a few: with weights, limits, and without."""
    for tenant, weight in WEIGHTS.items():
        world.admin.tenants.set(QUEUE, tenant, weight=weight)
    for tenant, most in TIGHT.items():
        world.admin.tenants.set(QUEUE, tenant, max_running=most)
    plant(world, "nap", 300, Label(("tenant big",), "big"), JobOptions(tenant="big"), s=0.03)
    for tenant in SMALL:
        label = Label((f"tenant {tenant}",), tenant)
        plant(world, "nap", 12, label, JobOptions(tenant=tenant or None), s=0.03)


def check_tenants(world: World) -> None:
    """Nobody passed a limit, and nobody starved: not while workers died, either."""
    events = world.events()
    most = peaks(events, world.labels)
    passed = {name: most[f"tenant {name}"] for name, limit in TIGHT.items() if most[f"tenant {name}"] > limit}
    assert not passed, f"tenants beyond their limits: {passed}"
    weights = sum(WEIGHTS.get(tenant, 1) for tenant in (*SMALL, "big"))
    bound = ROUNDS * weights + AHEAD * len(world.hands)
    for tenant in SMALL:
        if tenant not in TIGHT and (tenant or alone(world, plain=False)):
            turn = longest_turn(events, world.labels, tenant)
            assert turn <= bound, f"{tenant!r} waited while {turn} others began, at most {bound}"


# -- groups and chains ----------------------------------------------------------------------------


def plant_groups(world: World) -> None:
    """Groups of jobs, and of chains, each with a callback."""
    for group in ("g1", "g2", "g3"):
        callback = _opened(world, group, 15, "t0" if group == "g3" else None)
        options = JobOptions(group=group, tenant="t0" if group == "g3" else None)
        members = plant(world, "nap", 15, Label(), options, s=0.05)
        world.labels[callback] = Label(after=tuple(members))
    callback = _opened(world, "g4", 8)
    lasts = [_chain(world, "g4") for _ in range(8)]
    world.labels[callback] = Label(after=tuple(lasts))
    for _ in range(8):
        _chain(world)


def _opened(world: World, group: str, members: int, tenant: str | None = None) -> int:
    (number,) = world.numbers(1)
    callback = NewJob("nap", {"n": number}, JobOptions(tenant=tenant))
    world.ledger.note("intent", number)
    world.admin.groups.open(QUEUE, NewGroup(group, callback, expected=members))
    world.ledger.note("ok", number)
    return number


def _chain(world: World, group: str | None = None) -> int:
    first, second, third = world.numbers(3)
    later = [
        NewJob("link", {"n": second, "before": first, "s": 0.02}),
        NewJob("link", {"n": third, "before": second, "s": 0.02}),
    ]
    head = NewJob("link", {"n": first, "s": 0.02}, JobOptions(then=later, group=group))
    made = [(first, Label()), (second, Label(after=(first,))), (third, Label(after=(second,)))]
    _add(world, [head], made)
    return third


def check_groups(world: World) -> None:
    """Each group has ended, its members counted right; callbacks and links came after what they follow."""
    events = world.events()
    assert too_early(events, world.labels) == []
    assert not [event for event in events if event.kind == "torn"], "a result went astray"
    for group, members in (("g1", 15), ("g2", 15), ("g3", 15), ("g4", 8)):
        said = world.admin.groups.get(GroupRef(QUEUE, group))
        counts = said.total, said.done, said.dead, said.cancelled, said.removed
        assert (counts, said.job is None) == ((members, members, 0, 0, 0), False), f"{group}: {said}"


# -- notes ----------------------------------------------------------------------------------------


def plant_notes(world: World) -> None:
    """Jobs that say how far they are, once a moment."""
    plant(world, "noted", 60, Label(lines=4), JobOptions(keep=HOUR), lines=4, s=0.05)


def check_notes(world: World) -> None:
    """Of the attempt that counts all lines are there, once; of those that broke off, their first ones."""
    events = world.events()
    asked = [event for event in events if event.kind == "ok" and world.labels[event.number].lines]
    # of two attempts that finished the later one counts: the other one is that of a zombie
    ended = dict(sorted((event.job, event.attempt) for event in events if event.kind == "finish"))
    for start in range(0, len(asked), 10):
        some = asked[start : start + 10]
        told = world.admin.notes(QUEUE, [one.job for one in some], after=0)
        for event, notes in zip(some, told, strict=True):
            assert notes is not None, f"{event.job} has said nothing"
            said: dict[int, list[str]] = {}
            for line in notes.lines:
                said.setdefault(line.attempt, []).append(line.text)
            whole = [f"line {n}" for n in range(world.labels[event.number].lines)]
            assert all(texts == whole[: len(texts)] for texts in said.values()), f"{event.job}: {said}"
            assert said.get(ended[event.job]) == whole, f"{event.job}: {said}"
            assert notes.progress == 1


LIMITS = Subject(plant_limits, check_limits)
TENANTS = Subject(plant_tenants, check_tenants)
GROUPS = Subject(plant_groups, check_groups)
NOTES = Subject(plant_notes, check_notes)
