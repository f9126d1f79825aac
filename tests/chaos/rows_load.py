"""Rows E and F: very many jobs, full servers and queues, two versions, and operators at work under load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from taskq_core import JobOptions, State
from taskq_core.commands import work
from taskq_core.keys import queue_keys
from tests.chaos.checker import Figures
from tests.chaos.previous import ENOUGH, start_producer, unpack
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until

DUE_AT_ONCE = 200_000
HELD_BY_ONE = 5_000
MOST_US = 10_000
RETRIED = 1_000


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
    old = unpack(world.folder / "before")
    world.hire(1)
    world.hire(1, instead=old)
    producer = start_producer(old, world.folder, world.server.url)
    try:
        with world.load(200, s=0.01):
            jobs_flow(world, 100)
            world.hands[0].signal(signal.SIGTERM)
            world.hire(1)
            jobs_flow(world, 100)
            assert producer.poll() is None, "the producer has ended"
            world.hands[1].kill()
        (world.folder / ENOUGH).touch()
        assert producer.wait(40) == 0
    finally:
        producer.kill()
        producer.wait(10)
    world.settle()


def f9(world: World) -> None:
    """Retry, cancel and purge of many jobs, twice at once, beside the work."""
    world.hire(2)
    world.send(300, "raise")
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= 300, 40, "dead jobs")
    dead = [job.ref.id for job in world.admin.list_jobs(QUEUE, State.DEAD, limit=1_000).jobs]
    world.admin.pause(QUEUE)  # or the slower one finds jobs that have died again by then
    _twice(lambda: world.admin.retry(QUEUE, dead))
    world.admin.resume(QUEUE)
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


def f3(world: World) -> None:
    """A large backlog, and very many jobs in the hands of dead workers."""
    backlog(world, 1_000_000, 100_000)


def f3_short(world: World) -> None:
    """The same, a tenth of it."""
    backlog(world, 50_000, 10_000)


def backlog(world: World, jobs: int, held: int) -> None:
    """No command over 10 ms while what dead workers held is taken over and all is run."""
    client, keys = world.admin, queue_keys("default", QUEUE)
    for start in range(0, jobs, 50_000):
        client.enqueue_many(QUEUE, "nothing", [{"n": -1}] * min(50_000, jobs - start))
    for number in range(held // HELD_BY_ONE):
        name = f"dead{number}"
        client.run(
            work.register(keys, name, int(LEASE_S * 1000), {"process": name, "lease": int(LEASE_S * 1000)})
        )
        for _ in range(HELD_BY_ONE // 1_000):
            client.run(work.claim(keys, name, work.Wanted(1_000)))
    raw = world.server.raw
    assert raw.xpending(keys.streams[2], "w")["pending"] == held
    raw.config_set("slowlog-log-slower-than", MOST_US)
    raw.config_set("slowlog-max-len", 1_000)
    raw.slowlog_reset()
    world.hire(2)
    world.healed()
    wait_until(lambda: client.snapshot(QUEUE).totals.get("recovered", 0) >= held, 120, "the take-over")
    world.settle(300)
    slow = [entry for entry in raw.slowlog_get(1_000) if b"EVALSHA" in entry["command"]]
    assert not slow, (
        f"{len(slow)} scripts over {MOST_US} us, the longest {max(e['duration'] for e in slow)} us"
    )
    done = client.snapshot(QUEUE).totals["done"]
    assert done == jobs, f"{done} of {jobs} were done"


def f8_purge(world: World) -> None:
    """Waiting jobs are purged under load, by two at once."""
    world.hire(2)
    with world.load(200, s=0.01):
        for _ in range(3):
            world.send(200, s=0.05)
            _twice(lambda: world.admin.purge(QUEUE, State.READY))
    assert world.admin.snapshot(QUEUE).totals.get("purged", 0) > 0, "nothing was purged"
    world.settle()


def f9_cancel(world: World) -> None:
    """Jobs in all states are cancelled under load, by two at once; each is finished or cancelled."""
    world.hire(2)
    with world.load(100, s=0.02):
        for _ in range(4):
            world.send(60, s=0.2)
            pages = [world.admin.list_jobs(QUEUE, state, limit=200) for state in (State.READY, State.RUNNING)]
            ids = [job.ref.id for page in pages for job in page.jobs]
            _twice(partial(world.admin.cancel, QUEUE, ids))
    world.settle()
    assert world.admin.snapshot(QUEUE).totals.get("cancelled", 0) > 0, "nothing was cancelled"


def _twice(act: Callable[[], object]) -> None:
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(act) for _ in range(2)]:
            done.result()


def f9_interrupt(world: World) -> None:
    """Ctrl-C in the middle of a retry of many, and then once more: each dead job runs once again."""
    world.hire(2)
    world.send(RETRIED, "raise")
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= RETRIED, 60, "dead jobs")
    world.admin.pause(QUEUE)
    words = ["taskq", "retry", "-q", QUEUE, "--state", "dead", "--yes", "--rate", "400/s"]
    env = {**os.environ, "TASKQ_REDIS_URL": world.server.url, "PATH": _path()}
    first = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_until(lambda: world.admin.snapshot(QUEUE).dead < RETRIED - 50, 30, "the middle")
    first.send_signal(signal.SIGINT)
    assert first.wait(20) == 130, "exit code of Ctrl-C"
    left = world.admin.snapshot(QUEUE).dead
    assert 0 < left < RETRIED, f"{left} of {RETRIED} are left"
    subprocess.run([*words[:-2]], env=env, check=True, timeout=60, stdout=subprocess.DEVNULL)
    assert world.admin.snapshot(QUEUE).dead == 0
    world.admin.resume(QUEUE)
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= RETRIED, 60, "dead jobs again")
    world.settle()


def _each_twice(figures: Figures, world: World) -> bool:
    runs = Counter(event.number for event in world.events() if event.kind == "start")
    return set(runs.values()) == {2} and len(runs) == RETRIED


def _refused_not_lost(figures: Figures, world: World) -> bool:
    return any(event.kind == "refused" for event in world.events())


LOAD_ROWS: Sequence[Row] = (
    # jobs that the ledger knows nothing of are counted once as enqueued and once as done
    Row("E6", f"{DUE_AT_ONCE:,} jobs due at one instant", "no script over 5 ms", e6, {"C": 2 * DUE_AT_ONCE},
        quick=False, alone=True, seeds=3),
    Row("F3", "a backlog of 1M, 100k held by dead workers", "taken over in steps, no command over 10 ms", f3,
        {"C": 2_000_000}, quick=False, alone=True, seeds=3),
    Row("F3s", "a backlog of 50k, 10k held by dead workers", "taken over in steps, no command over 10 ms",
        f3_short, {"C": 100_000}, quick=False, alone=True, seeds=3),
    Row("F8p", "purge under load, twice at once", "purged or done, never both", f8_purge, {"D": 0}),
    Row("F9c", "cancel under load, twice at once", "cancelled or done", f9_cancel, {"D": 0}, quick=False),
    Row("F9i", f"Ctrl-C in the middle of a retry of {RETRIED:,}, then again", "each runs once more",
        f9_interrupt, {"D": 0}, _each_twice, quick=False),
    Row("F5", "an endless stream against a full queue", "exit 5 or 6, an id for each job that is there", f5),
    Row("F7", "the version before beside this one, producers too", "L=S=0; O is not meant", f7, {"D": 16}),
    Row("F9", "retry of 300 dead jobs, twice at once", "each runs once more", f9, {"C": 0},
        _each_once_a_retry),
    Row("F1", "maxmemory, noeviction", "enqueue says full; draining goes on", f1, {"D": 0},
        _refused_not_lost),
    Row("F8", "pause twice, resume, under load", "each job once", f8, {"D": 0}),
)  # fmt: skip
