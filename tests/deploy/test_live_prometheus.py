"""A real Prometheus scrapes real workers, an exporter and a producer: its figures agree with a ledger, alerts
fire when there is reason to, and the dashboard shows something everywhere.

One test, because all its steps share one Prometheus and one load.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from taskq_core import Client, NewGroup
from tests.conftest import NewServer, Spawn, Taskq
from tests.deploy.files import DEPLOY
from tests.deploy.live import APP, PRODUCER, LivePrometheus
from tests.deploy.promql import filled_in
from tests.deploy.stack import free_port
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

MADE_TO_HAPPEN = {
    ("TaskqNoWorkers", "orders"),
    ("TaskqDeadLetterGrowing", "emails"),
    ("TaskqOldestJobTooOld", "slow"),
}
NAMES = tuple(sorted(name for name, _ in MADE_TO_HAPPEN))


class Scene:
    """All that runs, and the ledgers that it keeps."""

    def __init__(self, folder: Path, server: Server, prometheus: LivePrometheus) -> None:
        self.folder = folder
        self.prometheus = prometheus
        self.client = Client(server.url)

    def sent(self) -> dict[str, int]:
        """What the producer enqueued under load."""
        (self.folder / "go").touch()
        wait_until((self.folder / "sent").exists, 60, "the producer's ledger")
        found: dict[str, int] = json.loads((self.folder / "sent").read_text())
        return found

    def ran(self) -> dict[str, list[float]]:
        """The seconds that each attempt took, by its outcome, as handlers wrote it down."""
        times: dict[str, list[float]] = {"done": [], "failed": []}
        for line in (self.folder / "ledger").read_text().splitlines():
            outcome, seconds = line.split()
            times[outcome].append(float(seconds))
        return times


@pytest.fixture
def scene(
    tmp_path: Path, clean_home: Path, new_server: NewServer, spawn: Spawn, taskq: Taskq
) -> Iterator[Scene]:
    server = new_server("valkey", "--maxmemory", "1gb")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "producer.py").write_text(PRODUCER)
    with Client(server.url) as client:
        client.enqueue("slow", "wait", {})
        client.configure("slow", slo=timedelta(seconds=1))
        client.tenants.set("slow", "acme", weight=2)
        client.groups.open("slow", NewGroup("import-42"))
    taskq("schedule", "add", "beat", "every 1s", "wait", "--overlap", "skip", "-q", "slow", url=server.url)
    (tmp_path / "let-go").touch()
    targets = {name: free_port() for name in ("worker", "slow", "exporter", "producer")}
    port = "--metrics-port"
    for argv in (
        ["worker", "app:emails", "-c", "20", port, targets["worker"]],
        ["worker", "app:slow", "-c", "1", port, targets["slow"]],
        ["exporter", "--port", targets["exporter"]],
    ):
        spawn([*taskq_command(), *argv], server.url)
    spawn([sys.executable, "producer.py", targets["producer"], server.url])
    rules = taskq("metrics", "rules", url=server.url).stdout
    prometheus = LivePrometheus(tmp_path / "prometheus", environment(clean_home), targets, rules)
    try:
        prometheus.wait_for_targets(60)
        yield Scene(tmp_path, server, prometheus)
    finally:
        prometheus.close()


def test_a_live_prometheus_agrees_with_the_ledger_and_alerts(scene: Scene) -> None:
    figures_agree(scene)
    all_rules_are_well(scene)
    alerts_fire_when_made_to_happen(scene)
    every_panel_shows_something(scene)


def figures_agree(scene: Scene) -> None:
    sent, ask = scene.sent(), scene.prometheus
    jobs = sent["send"] + sent["flaky"]
    wait_until(lambda: ask.number('taskq_queue_done_total{queue="emails"}') == jobs, 60, f"{jobs} jobs done")
    wait_until(lambda: ask.number('sum(taskq_job_wait_seconds_count{queue="emails"})') == jobs, 60, "waits")
    times = scene.ran()
    attempts = len(times["done"]) + len(times["failed"])
    assert len(times["done"]) == jobs

    counted = {
        'taskq_queue_enqueued_total{queue="emails"}': jobs,
        'taskq_queue_done_total{queue="emails"}': len(times["done"]),
        'taskq_queue_failed_total{queue="emails"}': len(times["failed"]),
        'taskq_queue_retried_total{queue="emails"}': sent["flaky"],
        'taskq_job_attempts_total{queue="emails", outcome="done"}': len(times["done"]),
        'taskq_job_attempts_total{queue="emails", outcome="failed"}': len(times["failed"]),
        'taskq_jobs_retried_total{queue="emails", task="flaky"}': sent["flaky"],
        'taskq_job_wait_seconds_count{queue="emails"}': jobs,
        'taskq_job_run_seconds_count{queue="emails"}': attempts,
        'taskq_job_run_seconds_bucket{queue="emails", le="+Inf"}': attempts,
    }
    grown = {selector: ask.grown(selector) for selector in counted}
    assert grown == {selector: pytest.approx(count, rel=0.02) for selector, count in counted.items()}

    # of a producer no task is known before its first job, so there is no zero to grow from
    assert ask.number('sum(taskq_jobs_enqueued_total{queue="emails"})') == jobs
    assert (
        ask.number('taskq_enqueue_rejected_total{queue="slow", reason="duplicate"}') == sent["duplicate"] == 4
    )
    ran = sum(times["done"]) + sum(times["failed"])
    assert ask.grown('taskq_job_run_seconds_sum{queue="emails"}') == pytest.approx(ran, rel=0.1)


def all_rules_are_well(scene: Scene) -> None:
    groups = scene.prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {"taskq-queues", "taskq-slo default/slow"} <= {group["name"] for group in groups}
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def alerts_fire_when_made_to_happen(scene: Scene) -> None:
    ask, client = scene.prometheus, scene.client
    ever = f'max_over_time(ALERTS{{alertstate="firing", alertname=~"{"|".join(NAMES)}"}}[10m])'
    assert ask.query(ever) == []

    (scene.folder / "let-go").unlink()
    client.enqueue_many("orders", "charge", [{}, {}, {}])
    client.enqueue("emails", "broken", {})
    client.enqueue_many("slow", "wait", [{}, {}])

    wait_until(lambda: ask.firing(*NAMES) >= MADE_TO_HAPPEN, 60, f"{MADE_TO_HAPPEN} to fire")
    assert ask.firing(*NAMES) == MADE_TO_HAPPEN


def every_panel_shows_something(scene: Scene) -> None:
    board = json.loads((DEPLOY / "grafana" / "taskq.json").read_text())
    asked = {
        target["expr"]: panel["title"] for panel in board["panels"] for target in panel.get("targets", ())
    }
    empty = [
        title
        for text, title in asked.items()
        if not scene.prometheus.shown(filled_in(text).replace("[1m]", "[5s]"))
    ]

    assert empty == []
