"""Workers as processes: signals, SIGKILL, blocked event loops, and the supervisor."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from taskq_core import State, WorkerInfo
from tests.conftest import Spawn
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import wait_until
from tests.worker.applications import Site


@pytest.fixture
def site(rig: Rig, tmp_path: Path, spawn: Spawn) -> Site:
    return Site(tmp_path, spawn, rig.url)


def done(rig: Rig, count: int) -> bool:
    return rig.totals().get("done", 0) >= count


def test_a_killed_workers_jobs_are_recovered_within_the_lease_and_two_seconds(rig: Rig, site: Site) -> None:
    victim = site.start()
    wait_until(lambda: rig.client.workers("q"), 20)
    running = rig.add(8, payload={"s": 60})
    wait_until(lambda: len(site.notes("start")) == 8)
    site.start()
    wait_until(lambda: len(rig.client.workers("q")) == 2, 20)
    others = rig.add(60)
    wait_until(lambda: site.notes("end"))

    victim.kill()
    killed = time.monotonic()
    wait_until(lambda: sum(site.notes("start")[job_id] for job_id in running) == 16)
    recovered = time.monotonic()

    assert recovered - killed < 2 + 2
    rig.client.cancel("q", running)
    wait_until(lambda: rig.totals().get("cancelled") == 8 and done(rig, 60))
    assert set(site.notes("end")) == set(others)
    assert rig.totals()["recovered"] == 8
    assert {job_id for job_id, starts in site.notes("start").items() if starts > 1} == set(running)


def test_a_handler_that_blocks_its_worker_for_three_leases_keeps_the_lease(rig: Rig, site: Site) -> None:
    workers = [site.start(lease=0.7) for _ in range(2)]
    wait_until(lambda: len(rig.client.workers("q")) == 2, 20)
    (blocking,) = rig.add(task="blocks", payload={"s": 2.3})
    wait_until(lambda: site.notes("start"))
    rig.add(10)
    wait_until(lambda: done(rig, 11))

    assert site.notes("start")[blocking] == 1
    assert "recovered" not in rig.totals()
    assert [worker.stop() for worker in workers] == [128 + signal.SIGTERM] * 2
    assert remains(rig.raw) == []


def test_a_frozen_worker_changes_nothing_when_it_wakes_up(rig: Rig, site: Site) -> None:
    zombie = site.start(lease=0.7)
    wait_until(lambda: rig.client.workers("q"), 20)
    ids = rig.add(4, payload={"s": 0.5})
    wait_until(lambda: len(site.notes("start")) == 4)
    os.kill(zombie.pid, signal.SIGSTOP)
    site.start(lease=0.7)
    wait_until(lambda: done(rig, 4), 20)
    os.kill(zombie.pid, signal.SIGCONT)
    wait_until(lambda: len(rig.client.workers("q")) == 2)  # under a new name
    rig.add(20)
    wait_until(lambda: done(rig, 24))

    assert rig.totals() == {"enqueued": 24, "recovered": 4, "done": 24}
    assert {site.notes("start")[job_id] for job_id in ids} == {2}


def test_the_first_signal_lets_jobs_finish(rig: Rig, site: Site) -> None:
    worker = site.start()
    wait_until(lambda: rig.client.workers("q"), 20)
    rig.add(8, payload={"s": 0.7})
    wait_until(lambda: len(site.notes("start")) == 8)

    assert worker.stop() == 128 + signal.SIGTERM

    assert rig.totals() == {"enqueued": 8, "done": 8}
    assert remains(rig.raw) == []


def test_the_second_signal_ends_at_once(rig: Rig, site: Site) -> None:
    worker = site.start(grace=60)
    wait_until(lambda: rig.client.workers("q"), 20)
    (job_id,) = rig.add(payload={"s": 60})
    wait_until(lambda: site.notes("start"))
    worker.send(signal.SIGTERM)
    wait_until(lambda: "once more" in worker.stderr)

    worker.send(signal.SIGINT)

    assert worker.wait(2) == 128 + signal.SIGINT
    assert rig.state(job_id) is State.RUNNING  # until its lease is over


def test_a_job_that_kills_its_process_is_buried_and_others_are_not_harmed(rig: Rig, site: Site) -> None:
    supervisor = site.start(lease=0.7, processes=2)
    wait_until(lambda: len(rig.client.workers("q")) == 2, 20)
    (poison,) = rig.add(task="dies")
    ids = rig.add(40)
    wait_until(lambda: rig.totals().get("dead") and done(rig, 40), 40)

    error = rig.detail(poison).error
    assert error is not None
    assert error.type == "Poison"
    assert site.notes("start")[poison] == 3
    assert set(site.notes("end")) == set(ids)
    assert supervisor.running


def test_the_supervisor_replaces_a_killed_child_and_passes_signals_on(rig: Rig, site: Site) -> None:
    supervisor = site.start(processes=2)
    before = {worker.pid for worker in wait_until(lambda: two(rig), 20)}
    rig.add(20, payload={"s": 0.1})
    wait_until(lambda: len(set(site.pids("start").values())) == 2)  # both take part

    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: {w.pid for w in rig.client.workers("q")} - before, 15)
    wait_until(lambda: done(rig, 20), 15)

    assert supervisor.running
    assert supervisor.stop() == 128 + signal.SIGTERM
    wait_until(lambda: rig.client.workers("q") == [], 5)
    assert remains(rig.raw) == []


INTERRUPTED = """
import os
from multiprocessing.context import SpawnProcess
from taskq_core.supervisor import Supervisor, WorkerJob

class Starting(SpawnProcess):
    begun = 0
    def start(self):
        super().start()
        Starting.begun += 1
        if Starting.begun == 2:
            os.kill(os.getpid(), {number})

class Interrupted(Supervisor):
    def __init__(self, *args):
        super().__init__(*args)
        self._context.Process = Starting

if __name__ == "__main__":
    code = Interrupted(WorkerJob(("app.py:queue",)), 3, "default").run()
    print(Starting.begun)
    raise SystemExit(code)
"""
"""A signal that arrives when the second of three processes has just been started."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_children_start_ends_them_all(
    rig: Rig, site: Site, spawn: Spawn, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "interrupted.py").write_text(INTERRUPTED.format(number=int(number)))
    supervisor = spawn([sys.executable, "interrupted.py"], url=rig.url)

    assert supervisor.wait(30) == 128 + number
    assert supervisor.stdout == "2\n", "no other is started then"


def two(rig: Rig) -> list[WorkerInfo]:
    """Both workers, once they are there."""
    workers = rig.client.workers("q")
    return workers if len(workers) == 2 else []
