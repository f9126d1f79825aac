"""Endpoints of workers: what is scraped agrees with what was done, and an outage is told from a death."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from taskq_core import (
    METRICS,
    AsyncClient,
    Client,
    Job,
    JobOptions,
    NewJob,
    QueueFull,
    ServerUnreachable,
    WorkerOptions,
    metrics,
)
from taskq_core.metrics import hook, producer
from taskq_core.metrics.exposition import text
from taskq_core.metrics.producer import ProducerTally
from taskq_core.queue import make_worker
from tests.conftest import NewServer, Spawn
from tests.processes import Program, taskq_command
from tests.scraping import Scrape, endpoint_of, parsed, promtool, ready, said, scrape
from tests.scripts.rig import Rig
from tests.servers import Server
from tests.waiting import until, wait_until
from tests.worker.crew import counted, queue_on

APP = """
import asyncio, os, time
from datetime import timedelta
from taskq_core import Backoff, Job, TaskQueue

queue = TaskQueue("mail", concurrency=8, backoff=Backoff(base=timedelta(milliseconds=1), factor=1))

def note(what, job):
    file = os.open("ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(file, f"{what} {job.id}\\n".encode())
    os.close(file)

@queue.process("send")
async def send(job: Job) -> None:
    note("send", job)

@queue.process("plain")
def plain(job: Job) -> None:
    note("plain", job)

@queue.process("bounce", retries=1)
async def bounce(job: Job) -> None:
    note("bounce", job)
    raise ValueError("no such user")

@queue.process("hang", retries=0, timeout=timedelta(milliseconds=200))
async def hang(job: Job) -> None:
    note("hang", job)
    await asyncio.sleep(60)

@queue.process("slow")
async def slow(job: Job) -> None:
    note("began", job)
    await asyncio.sleep(job.payload["s"])
    note("ended", job)

@queue.process("block")
async def block(job: Job) -> None:
    note("began", job)
    time.sleep(job.payload["s"])
"""
FLAGS = ("--metrics-port", "0", "--grace", "10s", "--lease", "3s")
OUTCOMES = ("done", "failed", "timeout", "cancelled", "lost")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def client(any_server: Server) -> Iterator[Client]:
    with Client(any_server.url) as client:
        yield client


def start(spawn: Spawn, url: str, *flags: str) -> tuple[Program, str]:
    """A worker and the address of its endpoint, once it is ready."""
    program = spawn([*taskq_command(), "worker", "app:queue", *FLAGS, *flags], url)
    address = endpoint_of(program)
    ready(address)
    return program, address


def ledger(folder: Path) -> Counter[str]:
    file = folder / "ledger"
    return Counter(line.split()[0] for line in file.read_text().splitlines()) if file.exists() else Counter()


def done(client: Client, count: int) -> bool:
    return client.snapshot("mail").totals.get("done", 0) >= count


def at_rest(client: Client) -> bool:
    now = client.snapshot("mail")
    return not (now.ready_total or now.running or now.scheduled)


def outcomes(seen: Scrape, **labels: str) -> dict[str, float]:
    counts = {name: seen("taskq_job_attempts_total", outcome=name, **labels) for name in OUTCOMES}
    return {name: count for name, count in counts.items() if count}


def test_a_worker_under_load_says_exactly_what_its_ledger_and_the_server_say(
    client: Client, any_server: Server, folder: Path, spawn: Spawn
) -> None:
    worker, address = start(spawn, any_server.url)
    for number in range(10):
        client.enqueue_many("mail", "send", [{}] * 300)
        client.enqueue_many("mail", "plain", [{}] * 50)
        client.enqueue_many("mail", "bounce", [{}] * 5)
        client.enqueue("mail", f"ghost{number}", {})
        scrape(address)  # while it works
    client.enqueue_many("mail", "hang", [{}] * 3)
    wait_until(lambda: at_rest(client), 60)
    wait_until(lambda: sum(outcomes(scrape(address)).values()) >= 3613, 10)
    seen, totals, noted = scrape(address), client.snapshot("mail").totals, ledger(folder)

    assert noted == {"send": 3000, "plain": 500, "bounce": 100, "hang": 3}
    assert outcomes(seen, task="send") == {"done": noted["send"]}
    assert outcomes(seen, task="plain") == {"done": noted["plain"]}
    assert outcomes(seen, task="bounce") == {"failed": noted["bounce"]}
    assert outcomes(seen, task="hang") == {"timeout": noted["hang"]}
    assert outcomes(seen, task="_unknown") == {"failed": 10}
    assert outcomes(seen) == {"done": totals["done"], "failed": 110, "timeout": 3}
    assert totals["failed"] == 113
    assert seen("taskq_jobs_retried_total") == totals["retried"] == 50
    assert seen("taskq_jobs_dead_total") == totals["dead"] == 63
    assert seen("taskq_job_run_seconds_count") == sum(noted.values())
    assert seen("taskq_job_wait_seconds_count") == 3553  # first attempts of what ran
    assert seen("taskq_worker_slots") == 8
    assert promtool(seen.text) == ""
    known = {metric.name for metric in METRICS if "worker" in metric.where}
    assert known <= {line.split()[2] for line in seen.text.splitlines() if line.startswith("# TYPE")}
    assert worker.stop() == 128 + signal.SIGTERM


def test_a_server_that_is_away_fails_readiness_and_never_liveness(
    new_server: NewServer, folder: Path, spawn: Spawn
) -> None:
    server = new_server("valkey", aof=True)
    worker, address = start(spawn, server.url)
    with Client(server.url) as client:
        server.kill()
        wait_until(lambda: said(address, "/readyz")[0] == 503, 30)
        assert "no claim was answered for" in said(address, "/readyz")[1]
        assert said(address, "/livez") == (200, "ok")
        seen = scrape(address)
        assert seen("taskq_redis_errors_total", kind="unreachable") > 0

        server.start()
        client.enqueue("mail", "send", {})
        ready(address)
        wait_until(lambda: done(client, 1), 30)
    wait_until(lambda: scrape(address)("taskq_redis_reconnects_total") > 0)
    assert said(address, "/livez") == (200, "ok")
    assert worker.running


def test_a_stopping_worker_is_unready_first_then_ends_what_runs_and_loses_nothing(
    client: Client, any_server: Server, folder: Path, spawn: Spawn
) -> None:
    worker, address = start(spawn, any_server.url)
    client.enqueue_many("mail", "slow", [{"s": 1.5}] * 20)
    wait_until(lambda: ledger(folder)["began"] == 8)
    assert scrape(address)("taskq_worker_busy_slots") == 8
    assert scrape(address)("taskq_longest_running_job_seconds") > 0
    assert said(address, "/readyz") == (200, "ok")  # though it claims nothing, having no room

    worker.send(signal.SIGTERM)
    wait_until(lambda: said(address, "/readyz")[0] == 503)
    assert "draining" in said(address, "/readyz")[1]
    assert said(address, "/livez") == (200, "ok")
    assert ledger(folder)["ended"] == 0
    assert scrape(address)("taskq_worker_draining") == 1

    assert worker.wait() == 128 + signal.SIGTERM
    assert ledger(folder)["ended"] == 8
    now = client.snapshot("mail")
    assert (now.totals["done"], now.ready_total, now.running) == (8, 12, 0)


def test_a_handler_that_blocks_the_loop_for_a_while_is_alive_and_scraped(
    client: Client, any_server: Server, folder: Path, spawn: Spawn
) -> None:
    _, address = start(spawn, any_server.url)
    client.enqueue("mail", "block", {"s": 30})
    wait_until(lambda: ledger(folder)["began"] == 1)

    wait_until(lambda: scrape(address)("taskq_longest_running_job_seconds") > 0.5)
    assert said(address, "/livez") == (200, "ok")
    assert said(address, "/nothing")[0] == 404


def test_a_supervisor_adds_its_children_up_also_those_that_are_gone(
    client: Client, any_server: Server, folder: Path, spawn: Spawn
) -> None:
    _, address = start(spawn, any_server.url, "--processes", "2")
    wait_until(lambda: len(client.workers("mail")) == 2, 30)
    wait_until(lambda: scrape(address)("taskq_worker_slots") == 16, 30)
    client.enqueue_many("mail", "send", [{}] * 2_000)
    wait_until(lambda: done(client, 2_000), 30)
    wait_until(lambda: outcomes(scrape(address)) == {"done": 2_000}, 10)

    os.kill(client.workers("mail")[0].pid, signal.SIGKILL)
    wait_until(lambda: scrape(address)("taskq_worker_slots") == 8, 10)
    assert outcomes(scrape(address)) == {"done": 2_000}
    assert said(address, "/readyz") == (200, "ok")  # half of them is enough

    wait_until(lambda: scrape(address)("taskq_worker_slots") == 16, 30)  # another was started
    client.enqueue_many("mail", "send", [{}] * 500)
    wait_until(lambda: outcomes(scrape(address)) == {"done": 2_500}, 30)


def test_a_port_that_is_taken_is_an_error_before_anything_starts(
    any_server: Server, folder: Path, spawn: Spawn
) -> None:
    _, address = start(spawn, any_server.url)
    port = address.rpartition(":")[2]
    for processes in ("1", "2"):
        other = spawn(
            [*taskq_command(), "worker", "app:queue", "--metrics-port", port, "--processes", processes],
            any_server.url,
        )
        assert other.wait() == 2
        assert f"metrics cannot be served on 127.0.0.1:{port}: Address already in use" in other.stderr
        assert "Traceback" not in other.stderr
        assert "registered" not in other.stderr


def test_a_worker_without_a_metrics_port_opens_none_and_loads_nothing_for_it(
    any_server: Server, folder: Path, spawn: Spawn
) -> None:
    script = (
        "import sys; from app import queue; from taskq_core import WorkerOptions;"
        "queue.run(WorkerOptions(burst=True));"
        "print([name for name in sys.modules if name.partition('.')[0] in ('prometheus_client', 'http')])"
    )
    program = spawn([sys.executable, "-c", script], any_server.url)
    assert program.wait() == 0, program.stderr
    assert program.stdout.strip() == "[]"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_lost_leases_lost_attempts_and_jobs_taken_over_are_counted(
    any_server: Server, when: str
) -> None:
    """``when``: whether the attempts end before or after the worker hears that its lease is gone."""
    rig = Rig(any_server, 2)
    queue, attempts, go = queue_on(rig), list[int](), asyncio.Event()

    @queue.process("t")
    async def wait(job: Job) -> None:
        attempts.append(job.attempt)
        await go.wait()

    rig.hire("silent", lease_ms=600)
    rig.add(3)
    rig.claim("silent", 3)
    options = WorkerOptions(metrics_port=0, metrics_apart=True, lease=timedelta(milliseconds=600))
    worker = make_worker([queue], options)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(attempts) == 3, 20)  # those of the silent one
    (lease,) = rig.client.workers("q")
    rig.take_over(lease.id)
    if when == "after":
        await until(lambda: len(attempts) > 3, 20)
    go.set()
    await counted(rig, done=3)
    worker.stop()
    await running
    rig.client.close()
    assert worker.vitals is not None
    seen = parsed(text([("ns", worker.vitals.sheet())], openmetrics=False).decode())

    assert outcomes(seen) == {"done": 3, "lost": 3}
    assert (seen("taskq_leases_lost_total"), seen("taskq_jobs_recovered_total")) == (1, 3)
    assert seen("taskq_redis_op_seconds_count", op="claim") > 0
    assert seen("taskq_redis_op_seconds_count", op="heartbeat") > 0


async def test_both_clients_count_what_they_enqueue_once_they_are_asked_to(
    any_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "counter", None)  # whatever it is now, it is that again afterwards
    monkeypatch.setattr(producer, "_tally", ProducerTally())
    registry = CollectorRegistry()
    unique = JobOptions(unique="once")
    with Client(any_server.url) as client, Client("redis://127.0.0.1:1", deadline=0.01) as astray:
        client.enqueue("mail", "before", {})
        metrics.register(registry)
        metrics.register(registry)
        client.enqueue_many("mail", "send", [{}] * 1_500)
        client.enqueue("mail", "send", {}, unique)
        client.configure("full", max_jobs=1)
        with pytest.raises(QueueFull):
            client.enqueue_many("full", "send", [{}] * 2)
        with pytest.raises(ServerUnreachable):
            astray.enqueue("mail", "send", {})
    async with AsyncClient(any_server.url) as client:
        await client.enqueue_jobs(
            "mail", [NewJob("send", {}), NewJob("other", {}), NewJob("send", {}, unique)]
        )
    seen = parsed(generate_latest(registry).decode())

    assert {
        dict(labels)["task"]: seen.samples["taskq_jobs_enqueued_total", labels]
        for labels in seen.series("taskq_jobs_enqueued_total")
    } == {"send": 1_502, "other": 1}
    refused = {reason: seen("taskq_enqueue_rejected_total", reason=reason) for reason in producer.REASONS}
    assert {reason: count for reason, count in refused.items() if count} == {
        "duplicate": 1, "full": 2, "unreachable": 1,
    }  # fmt: skip
