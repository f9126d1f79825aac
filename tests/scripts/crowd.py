"""A queue with tenants, worked by hand, and a recount of all that scripts keep of them."""

from __future__ import annotations

from collections import Counter

from taskq_core.claimed import Job
from taskq_core.commands import work
from taskq_core.keys import HELD, LEVELS, ORPHAN
from tests.scripts.rig import Rig


def take(rig: Rig, worker: str = "w1", want: int = 1, order: str = LEVELS, turn: int = 1) -> list[Job]:
    """A claim as workers make it in a queue with tenants."""
    wanted = work.Wanted(want, order, 1000, alone=True, turn=turn)
    claim = rig.run(work.claim(rig.keys, worker, wanted, flow=True))
    assert claim.state in ("ok", "plain")
    return rig.jobs(claim)


def drain(rig: Rig, want: int = 1, most: int = 10_000, turn: int = 1) -> list[str | None]:
    """Whose the jobs are that are claimed one after the other; each is done at once."""
    order: list[str | None] = []
    while len(order) < most and (jobs := take(rig, want=want, turn=turn)):
        order += [job.tenant for job in jobs]
        assert rig.ack("w1", *jobs) == len(jobs)
    return order


def recount(rig: Rig) -> None:
    """Compares sums, ring, index and rooms with what lies in the streams."""
    raw, root = rig.raw, rig.keys.root
    prefix = len(root)
    streams = {
        key.decode()[prefix:]: key
        for key in raw.keys(root + "*@*")
        if key.decode()[prefix] in LEVELS and key.decode()[prefix + 1] == "@"
    }
    ring = {name.decode(): state.decode() for name, state in raw.hgetall(root + "ring").items()}
    states = {name: state for name, state in ring.items() if not name.startswith("+")}
    for name, state in states.items():
        assert (state == "e") == (name not in streams), f"{name} is {state!r} in the ring"
    sums: Counter[str] = Counter()
    for name, key in streams.items():
        length = raw.xlen(key)
        assert length, f"{name} is empty and still there"
        summary = raw.xpending(key, "w")
        by = {row["name"].decode(): row["pending"] for row in summary["consumers"] or []}
        idle = by.get(ORPHAN, 0) + by.get(HELD, 0)
        running = summary["pending"] - idle
        sums[name[0]] += length
        sums[name[0].upper()] += running
        assert raw.zscore(root + "tenants", name[2:]) is not None
        if length > running + by.get(HELD, 0):
            assert name in states, f"{name} has waiting jobs and no turn"
        if by.get(ORPHAN, 0):
            assert states[name] in "oq", f"{name} has jobs that were given back"
        for worker in by.keys() - {ORPHAN, HELD}:
            if by[worker]:
                assert raw.sismember(f"{root}rooms:{worker}", name)
                assert raw.sismember(root + "rooms", worker)
    kept = {name.decode(): int(n) for name, n in raw.hgetall(root + "tenants:sums").items() if int(n)}
    assert kept == {name: n for name, n in sums.items() if n}
    _check_lists(rig, states)


def _check_lists(rig: Rig, states: dict[str, str]) -> None:
    for level in LEVELS:
        members = [name.decode() for name in rig.raw.lrange(f"{rig.keys.root}ring:{level}", 0, -1)]
        assert len(members) == len(set(members))
        due = {name[2:] for name, state in states.items() if name[0] == level and state in "roe"}
        assert set(members) - {""} == due
        assert not members or "" in members
