"""Rows E and F: very many jobs, full servers and queues, two versions, and operators at work under load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from taskq_core import JobOptions, State
from tests.chaos.checker import Figures
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import QUEUE, World
from tests.processes import ROOT
from tests.waiting import wait_until

DUE_AT_ONCE = 200_000


def f1(world: World) -> None:
    """The server's memory is full: enqueueing is refused, draining goes on."""
    world.send(400, s=0.01)
    used = int(world.server.raw.info("memory")["used_memory"])
    with world.server.configured(maxmemory=str(max(1, used - 100_000)), maxmemory_policy="noeviction"):
        world.hire(2)
        world.send(20)
        world.settle()


def f8(world: World) -> None:
    """Pause, retry and cancel twice at the same time as the work."""
    world.hire(2)
    with world.load(200, s=0.01):
        for _ in range(10):
            world.admin.pause(QUEUE)
            world.admin.pause(QUEUE)
            time.sleep(0.1)
            world.admin.resume(QUEUE)
            time.sleep(0.1)
    world.settle()


def f5(world: World) -> None:
    """A stream without end against a queue with a limit: back-pressure, and nothing lost in silence."""
    world.admin.configure(QUEUE, max_jobs=500)
    command = """yes '{"n": 0}' | taskq enqueue nap - -q chaos > "$1" 2> "$2"; echo "${PIPESTATUS[1]}" """
    out, err = world.folder / "ids", world.folder / "narration"
    done = subprocess.run(
        ["bash", "-c", command, "bash", str(out), str(err)],
        env={**os.environ, "TASKQ_REDIS_URL": world.server.url, "PATH": _path()},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    printed = sum(line.startswith(f"{QUEUE}/") for line in out.read_text().splitlines())
    waiting = world.admin.snapshot(QUEUE).ready_total
    assert done.stdout.strip() in ("5", "6"), f"exit code {done.stdout}"
    assert printed == waiting, f"{printed} ids were printed, {waiting} jobs wait"
    assert "is full" in err.read_text()
    world.admin.configure(QUEUE, max_jobs=0)
    world.admin.purge(QUEUE, State.READY)
    world.admin.remove(QUEUE)


def _path() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def f7(world: World) -> None:
    """Workers and producers of the version before beside those of this one."""
    old = world.folder / "before"
    old.mkdir()
    archive = subprocess.run(
        ["git", "archive", "HEAD", "taskq_core"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(old)], input=archive.stdout, check=True)
    world.hire(1)
    world.hire(1, instead=old)
    with world.load(200, s=0.01):
        jobs_flow(world, 100)
        world.hands[0].signal(signal.SIGTERM)
        world.hire(1)
        jobs_flow(world, 100)
        world.hands[1].kill()
    world.settle()


def f9(world: World) -> None:
    """Retry, cancel and purge of many jobs, twice at once, beside the work."""
    world.hire(2)
    world.send(300, "raise")
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= 300, 40, "dead jobs")
    dead = [job.ref.id for job in world.admin.list_jobs(QUEUE, State.DEAD, limit=1_000).jobs]
    threads = [threading.Thread(target=world.admin.retry, args=(QUEUE, dead)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= 300, 40, "dead jobs again")
    world.settle()


def _each_once_a_retry(figures: Figures, world: World) -> bool:
    runs = Counter(event.number for event in world.events() if event.kind == "start")
    return set(runs.values()) == {2} and len(runs) == 300


def e6(world: World) -> None:
    """Very many jobs are due at one instant: promotion goes in small steps, live jobs go on."""
    at = datetime.now(UTC) + timedelta(seconds=20)
    payloads = [{"n": -1}] * DUE_AT_ONCE
    world.admin.enqueue_many(QUEUE, "nothing", payloads, JobOptions(at=at))
    world.server.raw.config_set("slowlog-log-slower-than", 5_000)
    world.server.raw.slowlog_reset()
    world.hire(2)
    wait_until(lambda: world.admin.snapshot(QUEUE).scheduled < DUE_AT_ONCE, 60, "the instant")
    wait_until(lambda: world.admin.snapshot(QUEUE).scheduled == 0, 120, "the promotion")
    slow = [entry for entry in world.server.raw.slowlog_get(128) if b"EVALSHA" in entry["command"]]
    assert not slow, f"{len(slow)} scripts over 5 ms: {slow[0]['duration']} us"
    world.settle(120)


def _refused_not_lost(figures: Figures, world: World) -> bool:
    return any(event.kind == "refused" for event in world.events())


LOAD_ROWS: Sequence[Row] = (
    Row("E6", f"{DUE_AT_ONCE:,} jobs due at one instant", "no script over 5 ms", e6, {"C": DUE_AT_ONCE},
        quick=False),
    Row("F5", "an endless stream against a full queue", "exit 5 or 6, an id for each job that is there", f5),
    Row("F7", "the version before beside this one", "L=S=0", f7, {"D": 16}),
    Row("F9", "retry of 300 dead jobs, twice at once", "each runs once more", f9, {"C": 0},
        _each_once_a_retry),
    Row("F1", "maxmemory, noeviction", "enqueue says full; draining goes on", f1, {"D": 0},
        _refused_not_lost),
    Row("F8", "pause twice, resume, under load", "each job once", f8, {"D": 0}),
)  # fmt: skip
