"""What a member of a group, and a link of a chain, cost the server against a plain job: µs of its time a job.

python -m benchmarks.groups
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskq_core import NewJob
from taskq_core.claimed import Job
from tests.scripts.grouping import concluding, opened
from tests.scripts.rig import Rig
from tests.servers import KINDS, Server

JOBS = 20_000
KINDS_OF_JOBS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "member of a group": {"group": "g"},
    "chain of two": {"then": [NewJob("u", {})]},
}


def busy_us(rig: Rig) -> int:
    """The time that scripts took so far, in µs."""
    found = rig.raw.info("commandstats")
    return sum(found.get(f"cmdstat_{name}", {}).get("usec", 0) for name in ("eval", "evalsha"))


def end(rig: Rig, jobs: list[Job], kind: str) -> None:
    """Ends jobs in batches as a worker does."""
    size = 1000 if kind == "plain" else 100
    for at in range(0, len(jobs), size):
        part = jobs[at : at + size]
        if kind == "plain":
            rig.ack("w1", *part)
        else:
            rig.run(concluding(rig, "w1", *part, result=1))


def measure(rig: Rig, kind: str) -> tuple[float, float]:
    """µs a job to enqueue it, and to end it."""
    rig.raw.flushall()
    rig.hire()
    if kind == "member of a group":
        opened(rig)
    before = busy_us(rig)
    for _ in range(JOBS // 1000):
        rig.add(1000, **KINDS_OF_JOBS[kind])
    enqueued = busy_us(rig)
    jobs: list[Job] = []
    while found := rig.claim(want=1000):
        jobs += found
    claimed = busy_us(rig)
    end(rig, jobs, kind)
    return (enqueued - before) / JOBS, (busy_us(rig) - claimed) / JOBS


def main() -> None:
    """Prints a line for each kind of server and job."""
    for server_kind in KINDS:
        server = Server(server_kind).start()
        rig = Rig(server, 2)
        for kind in KINDS_OF_JOBS:
            added, ended = min((measure(rig, kind) for _ in range(3)), key=sum)
            print(f"{server_kind}, {kind}: enqueue {added:.1f} µs, end {ended:.1f} µs")
        rig.client.close()
        server.remove()


if __name__ == "__main__":
    main()
