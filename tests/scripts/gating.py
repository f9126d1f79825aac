"""Limits on one queue, worked by hand, for the tests of them."""

from __future__ import annotations

from typing import Any

from taskq_core import TaskLimits
from taskq_core.claimed import Job
from taskq_core.commands import work
from taskq_core.keys import HELD
from tests.scripts.rig import Rig


def claim(rig: Rig, worker: str = "w1", want: int = 100, free: int | None = None) -> list[Job]:
    """Jobs by the claim that knows limits."""
    return rig.jobs(look(rig, worker, want, free))


def look(rig: Rig, worker: str = "w1", want: int = 100, free: int | None = None) -> work.Claim:
    wanted = work.Wanted(want, alone=True, free=free)
    found = rig.run(work.claim(rig.keys, worker, wanted, flow=True))
    assert found.state in ("ok", "alone")
    return found


def limit(rig: Rig, **limits: Any) -> None:
    rig.client.configure(rig.queue, **limits)


def of_task(rig: Rig, task: str = "t", **limits: Any) -> None:
    limit(rig, tasks={task: TaskLimits(**limits)})


def numbers(jobs: list[Job]) -> list[int]:
    return [job.payload["n"] for job in jobs]


def held(rig: Rig, consumer: str = HELD) -> int:
    """Entries in the name of a consumer, of all levels."""
    found = 0
    for stream in rig.keys.streams:
        if rig.raw.exists(stream):
            rows = rig.raw.xpending(stream, "w")["consumers"]
            found += sum(int(row["pending"]) for row in rows if row["name"] == consumer.encode())
    return found


def running(rig: Rig) -> dict[str, int]:
    return {gate.decode(): int(n) for gate, n in rig.raw.hgetall(rig.keys.running).items()}


def recount(rig: Rig) -> dict[str, int]:
    """Running jobs by gate, counted from the places."""
    counts: dict[str, int] = {}
    for gates in rig.raw.hvals(rig.keys.places):
        for gate in gates.decode().split():
            counts[gate] = counts.get(gate, 0) + 1
    return counts


def now(rig: Rig) -> int:
    seconds, micros = rig.raw.time()
    return int(seconds * 1000 + micros // 1000)
