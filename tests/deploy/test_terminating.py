"""A pod's end as Kubernetes makes it: preStop, SIGTERM, the grace, SIGKILL. No job is lost by any of it.

What runs is the container of deploy/k8s/worker.yaml, its times a tenth of what they are there.
"""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from taskq_core import Client
from tests.conftest import NewServer, Spawn
from tests.deploy.files import Resource, grace, kustomized, one
from tests.deploy.stack import free_port
from tests.processes import Program, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

SCALE = 0.1
APP = """
import os, time
from taskq_core import TaskQueue

queue = TaskQueue("orders")

def note(what, job):
    line = f"{what} {job.payload['n']} {job.attempt}\\n".encode()
    ledger = os.open("ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, line)
    os.close(ledger)

@queue.process("ship")
def ship(job):
    note("begin", job)
    time.sleep(job.payload.get("s", 0))
    while "until" in job.payload and not os.path.exists(job.payload["until"]):
        time.sleep(0.02)
    note("end", job)
"""


class Pods:
    """Workers of the deployment, and what their jobs wrote down."""

    def __init__(self, server: Server, spawn: Spawn, folder: Path) -> None:
        (folder / "app.py").write_text(APP)
        deployment: Resource = one(kustomized(), "Deployment", "taskq-worker")
        pod = deployment["spec"]["template"]["spec"]
        [self._container] = pod["containers"]
        self.limit = pod["terminationGracePeriodSeconds"] * SCALE
        self.grace = grace(self._container["args"]) * SCALE
        self._spawn, self._url, self._ledger = spawn, server.tcp_url, folder / "ledger"
        self._ports: dict[int, str] = {}

    def start(self, grace_s: float = 0) -> Program:
        """A worker that is ready, with the grace of the manifest or another."""
        args = list(self._container["args"])
        args[args.index("--grace") + 1] = f"{int((grace_s or self.grace) * 1000)}ms"
        port = free_port()
        argv = [*taskq_command(), *args, "-c", "3", "--lease", "1s"]
        worker = self._spawn(argv, self._url, TASKQ_METRICS_PORT=port)
        self._ports[worker.pid] = port
        wait_until(lambda: self.probe(worker, "readinessProbe") == 200, 20, "readiness")
        return worker

    def probe(self, worker: Program, kind: str) -> int:
        """What the worker answers to a probe of the manifest; 0: nothing."""
        path = self._container[kind]["httpGet"]["path"]
        try:
            with urlopen(f"http://127.0.0.1:{self._ports[worker.pid]}{path}", timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def before_stop(self) -> None:
        """What preStop runs, in a tenth of the time."""
        [program, pause] = self._container["lifecycle"]["preStop"]["exec"]["command"]
        subprocess.run([program, str(float(pause) * SCALE)], check=True)

    def begun(self) -> list[str]:
        """The numbers of jobs that began, once for each run."""
        return self._noted("begin")

    def ended(self) -> list[str]:
        """The numbers of jobs that ended, once for each run."""
        return self._noted("end")

    def _noted(self, what: str) -> list[str]:
        lines = self._ledger.read_text().splitlines() if self._ledger.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]


@pytest.fixture
def pods(new_server: NewServer, spawn: Spawn, tmp_path: Path) -> Pods:
    return Pods(new_server("redis"), spawn, tmp_path)


@pytest.fixture
def client(pods: Pods) -> Iterator[Client]:
    with Client(pods._url) as found:
        yield found


def done(client: Client) -> int:
    return client.snapshot("orders").totals.get("done", 0)


def test_a_pod_that_has_its_time_ends_every_job_once(pods: Pods, client: Client) -> None:
    first, second = pods.start(), pods.start()
    client.enqueue_many("orders", "ship", [{"n": n, "s": 0.3} for n in range(24)])
    wait_until(lambda: len(pods.begun()) >= 6, what="both to be busy")

    pods.before_stop()
    assert pods.probe(first, "readinessProbe") == 200, "until SIGTERM it goes on"
    first.send(signal.SIGTERM)
    wait_until(lambda: pods.probe(first, "readinessProbe") in (503, 0), 5, "that it is not ready")
    assert pods.probe(second, "readinessProbe") == 200
    assert first.wait(pods.limit) == 128 + signal.SIGTERM

    wait_until(lambda: done(client) == 24, 30, "all jobs")
    assert Counter(pods.ended()) == Counter(str(n) for n in range(24))
    assert second.stop() == 128 + signal.SIGTERM


def test_a_worker_that_drains_is_alive_and_not_ready(pods: Pods, client: Client, tmp_path: Path) -> None:
    worker = pods.start()
    client.enqueue("orders", "ship", {"n": 1, "until": "go"})
    wait_until(lambda: pods.begun(), what="the job to begin")

    worker.send(signal.SIGTERM)
    wait_until(lambda: pods.probe(worker, "readinessProbe") == 503, 5, "that it is not ready")
    assert pods.probe(worker, "livenessProbe") == 200
    assert pods.ended() == []
    (tmp_path / "go").touch()
    assert worker.wait(pods.limit) == 128 + signal.SIGTERM
    assert pods.ended() == ["1"]


@pytest.mark.parametrize("killed", [False, True], ids=["given back", "killed"])
def test_a_job_that_is_longer_than_the_grace_runs_elsewhere(
    pods: Pods, client: Client, tmp_path: Path, killed: bool
) -> None:
    first = pods.start(grace_s=60 if killed else 0.3)
    client.enqueue("orders", "ship", {"n": 1, "until": "go"})
    wait_until(lambda: pods.begun() == ["1"], what="the job to begin")
    second = pods.start()

    first.send(signal.SIGTERM)
    if killed:  # as a terminationGracePeriodSeconds that is too short would
        wait_until(lambda: pods.probe(first, "readinessProbe") == 503, 5, "that it drains")
        first.send(signal.SIGKILL)
    first.wait(pods.limit)

    wait_until(lambda: pods.begun() == ["1", "1"], 20, "another worker to take it")
    (tmp_path / "go").touch()
    wait_until(lambda: done(client) == 1, 20, "the job")
    assert pods.ended()[-1:] == ["1"]
    assert second.stop() == 128 + signal.SIGTERM
