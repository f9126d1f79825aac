"""`taskq exporter`, `taskq metrics`, `taskq health --worker`, and SLOs of queues."""

from __future__ import annotations

import json
import signal
import socket
from datetime import timedelta

from taskq_core import METRICS, Client, JobOptions
from tests.cli.conftest import Bury, Shell
from tests.conftest import NewServer, Spawn
from tests.processes import Program, taskq_command
from tests.scraping import endpoint_of, fetch, promtool, said, scrape
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


def exporter(spawn: Spawn, url: str, *flags: str) -> tuple[Program, str]:
    program = spawn([*taskq_command(), "exporter", "--port", "0", *flags], url)
    return program, endpoint_of(program)


def test_it_says_of_each_queue_what_the_queue_says_of_itself(sh: Shell, spawn: Spawn, bury: Bury) -> None:
    bury({}, {}, {})
    with sh.client() as client:
        client.enqueue_many("emails", "t", [{}] * 7)
        client.enqueue_many("emails", "t", [{}] * 2, JobOptions(delay=HOUR))
        client.pause("emails")
        client.enqueue("other", "t", {})
    sh.ok("queue", "set", "emails", "--slo", "5s")
    program, address = exporter(spawn, sh.server.url)
    seen = scrape(address)

    def jobs(state: str) -> float:
        return seen("taskq_queue_jobs", queue="emails", state=state)

    assert {state: jobs(state) for state in ("ready", "running", "scheduled", "dead")} == {
        "ready": 7, "running": 0, "scheduled": 2, "dead": 3,
    }  # fmt: skip
    assert seen("taskq_queue_enqueued_total", queue="emails") == 12
    assert seen("taskq_queue_failed_total", queue="emails") == seen("taskq_queue_dead_total") == 3
    assert seen("taskq_queue_done_total") == 0  # there from the start
    assert (seen("taskq_queue_paused", queue="emails"), seen("taskq_queue_paused", queue="other")) == (1, 0)
    assert seen("taskq_queue_slo_wait_seconds") == 5
    assert len(seen.series("taskq_queue_slo_wait_seconds")) == 1
    assert seen("taskq_queue_oldest_ready_age_seconds", queue="emails") > 0
    assert seen("taskq_redis_up") == 1
    assert seen("taskq_redis_memory_used_bytes") > 0
    assert seen("taskq_exporter_errors_total") == 0
    assert promtool(seen.text) == ""
    known = {metric.name for metric in METRICS if "exporter" in metric.where}
    shown = {line.split()[2] for line in seen.text.splitlines() if line.startswith("# TYPE")}
    missing = {name for name in known - shown if not name.startswith("taskq_schedule_")}
    # there is no limit, tenant or group
    assert missing == {"taskq_jobs_held", "taskq_tenant_jobs", "taskq_tenant_done_total", "taskq_groups"}
    assert said(address, "/readyz") == (200, "ok")
    assert program.stop() == 128 + signal.SIGTERM


def test_the_server_away_is_a_metric_and_no_death(new_server: NewServer, spawn: Spawn) -> None:
    server = new_server("valkey", aof=True)
    with Client(server.url) as client:
        client.enqueue("emails", "t", {})
    program, address = exporter(spawn, server.url)
    assert scrape(address)("taskq_redis_up") == 1
    server.kill()
    wait_until(lambda: scrape(address)("taskq_redis_up") == 0, 20)
    seen = scrape(address)
    assert fetch(address + "/desired?queue=emails")[0] == 503

    assert seen.series("taskq_queue_jobs") == set()  # old numbers lie
    assert seen("taskq_exporter_errors_total") >= 1
    assert seen("taskq_exporter_last_success_timestamp_seconds") > 0
    assert said(address, "/livez") == (200, "ok")
    assert said(address, "/readyz")[0] == 503

    server.start()
    wait_until(lambda: scrape(address)("taskq_redis_up") == 1, 20)
    assert scrape(address)("taskq_queue_jobs", queue="emails", state="ready") == 1
    assert program.running


def test_scalers_are_told_the_workers_that_a_queue_asks_for(sh: Shell, spawn: Spawn) -> None:
    with sh.client() as client:
        client.enqueue_many("emails", "t", [{}] * 6_000)
        client.enqueue("idle", "t", {}, JobOptions(delay=HOUR))
        client.enqueue("mail", "t", {})
    flags = ("-q", "[ei]*", "--target-wait", "100s", "--max-queues", "2", "--max-tenants", "0")
    _, address = exporter(spawn, sh.server.url, *flags)
    status, body = fetch(address + "/desired?queue=emails")
    wanted = json.loads(body)["value"]

    # a second each is expected where none ran yet: 60 slots end them in 100 s, and more what comes in
    assert (status, 6 < wanted <= 16) == (200, True)
    assert scrape(address)("taskq_desired_workers", queue="emails") == wanted
    assert json.loads(fetch(address + "/desired")[1]).keys() == {"emails", "idle"}
    assert fetch(address + "/desired?queue=mail")[0] == 404
    assert scrape(address)("taskq_exporter_queues_left_out") == 0


def test_a_port_that_is_taken_or_no_port_is_an_error(sh: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = sh("exporter", "--port", port)
    assert done.returncode == 2
    assert f"metrics cannot be served on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert sh("exporter", "--host", "no.such.host.invalid").returncode == 2
    assert sh("exporter", "--target-wait", "0s").returncode == 2


def test_health_asks_a_worker_by_port_address_or_environment(sh: Shell, spawn: Spawn) -> None:
    program, address = exporter(spawn, sh.server.url)
    port = address.rpartition(":")[2]
    for where in (port, f"{address}/metrics"):
        assert sh("health", "--worker", where).returncode == 0
    env = {"TASKQ_METRICS_PORT": port, "TASKQ_METRICS_HOST": "0.0.0.0"}
    assert sh("health", "--worker", "--live", **env).returncode == 0
    assert sh("health", "--worker", **env).stdout == ""

    program.stop()
    away = sh("health", "--worker", port)
    assert (away.returncode, away.stdout) == (3, "")
    assert f"no answer from the worker at 127.0.0.1:{port}" in away.stderr
    assert sh("health", "--worker", "nonsense").returncode == 2
    assert sh("health", "--live").returncode == 2


def test_metrics_are_records(sh: Shell) -> None:
    records = sh.records("metrics", "ls")
    assert [record["name"] for record in records] == [metric.name for metric in METRICS]
    assert records[0]["schema"] == "taskq.metric/1"
    assert {record["type"] for record in records} == {"counter", "gauge", "histogram"}


def test_an_slo_is_kept_shown_moved_and_taken_back(sh: Shell) -> None:
    with sh.client() as client:
        client.enqueue("emails", "t", {})
    assert sh.records("queue", "set", "emails", "--slo", "2500ms")[0]["slo_s"] == 2.5
    (shown,) = sh.records("queue", "show", "emails")
    assert (shown["limits"]["slo_s"], shown["settings"]) == (2.5, {"slo": "2500"})

    exported = sh.ok("export")
    sh.server.raw.flushall()
    done = sh("import", "--settings", "-", stdin=exported)
    assert done.returncode == 0, done.stderr
    assert sh.records("queue", "show", "emails")[0]["limits"]["slo_s"] == 2.5

    sh.ok("queue", "set", "emails", "--slo", "0")
    (shown,) = sh.records("queue", "show", "emails")
    assert (shown["limits"]["slo_s"], shown["settings"]) == (None, {})
    assert sh("queue", "set", "emails", "--slo", "soon").returncode == 2
