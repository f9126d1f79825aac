from __future__ import annotations

import json
import time
from typing import Any

import pytest

from taskq_cli.bench.scratch import NAMESPACE
from taskq_core import Client
from tests.conftest import Spawn, Taskq
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until

MEASURES = {
    "enqueue_async": "jobs/s",
    "enqueue_sync": "jobs/s",
    "enqueue_bulk_async": "jobs/s",
    "enqueue_bulk_sync": "jobs/s",
    "memory": "bytes/job",
    "drain_async": "jobs/s",
    "server_cpu": "us/job",
    "drain_plain": "jobs/s",
    "latency_p50": "ms",
    "latency_p99": "ms",
    "overtaking": "ms",
    "lost": "jobs",
    "run_twice": "jobs",
}


def lasting(server: Server) -> list[bytes]:
    """Keys of the benchmark that would stay for ever."""
    return [key for key in server.raw.scan_iter(f"*{NAMESPACE}*") if server.raw.ttl(key) == -1]


def delivery_queue(client: Client) -> str:
    return next((name for name in client.queues() if name.endswith("-delivery")), "")


def test_all_measures_are_taken_and_nothing_is_left_or_touched(server: Server, taskq: Taskq) -> None:
    with Client(server.url) as client:
        client.enqueue("emails", "send", {})

        done = taskq("bench", "--jobs", "2000", "-o", "json", url=server.url)

        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        assert {row["measure"]: row["unit"] for row in found} == MEASURES
        values = {row["measure"]: row["value"] for row in found}
        assert (values.pop("lost"), values.pop("run_twice")) == (0, 0)
        assert {name: value for name, value in values.items() if value <= 0} == {}
        assert 73 < values["memory"] < 200  # its payload has 73 bytes
        assert {(row["schema"], row["server"]) for row in found} == {("taskq.bench/1", server.kind)}
        assert client.snapshot("emails").ready_total == 1
    assert lasting(server) == []


def test_only_what_was_asked_for_is_printed(any_server: Server, taskq: Taskq) -> None:
    done = taskq("bench", "--jobs", "1000", "--only", "memory", "-o", "name", url=any_server.url)

    assert (done.returncode, done.stdout) == (0, "memory\n")


def test_an_unknown_measure_is_answered_with_those_that_are(any_server: Server, taskq: Taskq) -> None:
    done = taskq("bench", "--only", "memory,speed", url=any_server.url)

    assert done.returncode == 2
    assert "latency" in done.stderr


def test_a_server_with_too_little_memory_left_is_not_filled(any_server: Server, taskq: Taskq) -> None:
    with any_server.configured(maxmemory="20mb"):
        done = taskq("bench", url=any_server.url)

    assert done.returncode == 5
    assert "--jobs" in done.stderr


def test_a_read_only_profile_is_not_measured(any_server: Server, taskq: Taskq, tmp_path: Any) -> None:
    (tmp_path / "taskq.toml").write_text(f'[profiles.prod]\nurl = "{any_server.url}"\nread_only = true\n')

    done = taskq("bench", "-P", "prod")

    assert done.returncode == 5
    assert any_server.raw.dbsize() == 0


def test_lost_jobs_end_it_with_1(any_server: Server, spawn: Spawn) -> None:
    program = spawn(
        [*taskq_command(), "bench", "--jobs", "50000", "--only", "delivery", "-o", "json"], any_server.url
    )
    with Client(any_server.url, namespace=NAMESPACE) as client:
        queue = wait_until(lambda: delivery_queue(client), 20)
        client.pause(queue)
        wait_until(lambda: client.snapshot(queue).totals.get("enqueued", 0) == 10_000, 40)
        any_server.raw.unlink(client.keys(queue).streams[2])
        client.resume(queue)

    assert program.wait() == 1, program.stderr
    lost = {row["measure"]: row["value"] for row in json.loads(program.stdout)}["lost"]
    assert 0 < lost <= 10_000
    assert "jobs were lost" in program.stderr


def test_what_a_killed_run_left_is_removed_by_a_later_one(any_server: Server, taskq: Taskq) -> None:
    old, new = f"{int(time.time()) - 7200}-abc-drain", f"{int(time.time())}-abc-drain"
    with Client(any_server.url, namespace=NAMESPACE) as client:
        for queue in (old, new):
            client.enqueue(queue, "send-email", {})

        taskq("bench", "--jobs", "1000", "--only", "memory", url=any_server.url)

        assert client.queues() == [new]


@pytest.mark.parametrize("only", ["latency", "priority"])
def test_a_signal_ends_it_and_removes_what_it_made(only: str, any_server: Server, spawn: Spawn) -> None:
    program = spawn([*taskq_command(), "bench", "--only", only], any_server.url)
    with Client(any_server.url, namespace=NAMESPACE) as client:
        wait_until(client.queues, 20)
        queue = client.queues()[0]
        wait_until(lambda: client.workers(queue), 20)

        assert program.stop() == 143

        assert client.queues() == []
        assert client.workers(queue) == []
    assert lasting(any_server) == []
