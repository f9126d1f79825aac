"""Writes taskq.json, the Grafana dashboard: ``make docs``.

Panels stand in rows, in the order in which they are read. Several exporters of one server say the same, so
what they say is taken once (``max by``) before it is added up over queues. For Grafana 10 and later.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from deploy.grafana.panels import (
    HERE,
    QUEUES,
    Json,
    Panel,
    graph,
    heatmap,
    once,
    once_rate,
    quantile,
    server,
    stat,
    state,
    summed,
)
from deploy.grafana.variables import variables

SCHEMA_VERSION: Final = 41
COLUMNS: Final = 24
DONE, FAILED = once_rate("taskq_queue_done_total"), once_rate("taskq_queue_failed_total")


def overview() -> Iterator[Panel]:
    """Whether all is well, in one look."""
    alerts = f'ALERTS{{alertname=~"Taskq.*", alertstate="firing", severity!="none", {HERE}}}'
    late = f"{once('taskq_queue_oldest_ready_age_seconds')} / ({once('taskq_queue_slo_wait_seconds')} > 0)"
    failing = f"sum({FAILED}) / (sum({DONE}) + sum({FAILED}))"
    yield stat(
        "Alerts", "short", f"count({alerts}) or vector(0)", "Alerts of taskq that fire.",
        ("green", None), ("red", 1),
    )  # fmt: skip
    yield stat("Ready", "short", f"sum({state('ready')})", "Jobs that wait for a slot.")
    yield stat("Running", "short", f"sum({state('running')})", "Jobs that run.")
    yield stat(
        "Oldest ready", "s", f"max({once('taskq_queue_oldest_ready_age_seconds')})",
        "How long the job has waited that waits longest.",
    )  # fmt: skip
    yield stat(
        "Of the SLO", "percentunit", f"max({late}) or vector(0)",
        "That wait as a share of the queue's SLO; 0 where no queue has one. `taskq queue set QUEUE --slo 5s`",
        ("green", None), ("orange", 0.5), ("red", 1),
    )  # fmt: skip
    yield stat(
        "Failing", "percentunit", f"({failing} >= 0) or vector(0)", "Attempts that fail, of all that end.",
        ("green", None), ("orange", 0.05), ("red", 0.1),
    )  # fmt: skip
    yield stat(
        "Dead", "short", f"sum({state('dead')})", "Jobs in dead letter queues. `taskq failures --group`",
        ("green", None), ("orange", 1),
    )  # fmt: skip
    yield stat(
        "Workers", "short", f'sum(max by (cluster, namespace) (taskq_workers{{{HERE}, state="alive"}}))',
        "Worker processes that are alive.", ("red", None), ("green", 1),
    )  # fmt: skip
    yield from _course()


def _course() -> Iterator[Panel]:
    """How it came to be so."""
    yield graph(
        "Throughput", "ops", ("enqueued", f"sum({once_rate('taskq_queue_enqueued_total')})"),
        ("done", f"sum({DONE})"), ("failed", f"sum({FAILED})"),
        ("dead", f"sum({once_rate('taskq_queue_dead_total')})"),
        text="Jobs a second, of the selected queues.",
    )  # fmt: skip
    yield graph("Backlog", "short", ("{{queue}}", state("ready")), text="Ready jobs.", stacked=True)
    yield graph(
        "Oldest ready job", "s", ("{{queue}}", once("taskq_queue_oldest_ready_age_seconds")),
        ("{{queue}} SLO", f"{once('taskq_queue_slo_wait_seconds')} > 0"),
        text="Also tells what no histogram of waits can: that nothing starts at all.",
    )  # fmt: skip
    yield graph(
        "Failing attempts", "percentunit", ("{{queue}}", f"{FAILED} / ({DONE} + {FAILED})"),
        text="Of all attempts that end.",
    )  # fmt: skip


TABLE: Final[Sequence[tuple[str, str, str]]] = (
    ("Ready", "short", state("ready")),
    ("Running", "short", state("running")),
    ("Scheduled", "short", state("scheduled")),
    ("Dead", "short", state("dead")),
    ("Oldest ready", "s", once("taskq_queue_oldest_ready_age_seconds")),
    ("SLO", "s", once("taskq_queue_slo_wait_seconds")),
    ("Overdue", "s", once("taskq_queue_scheduled_overdue_seconds")),
    ("Done", "ops", DONE),
    ("Failed", "ops", FAILED),
    ("Workers", "short", once("taskq_queue_workers")),
    ("Desired", "short", once("taskq_desired_workers")),
    ("Paused", "bool_yes_no", once("taskq_queue_paused")),
    ("Draining", "bool_yes_no", once("taskq_queue_draining")),
)
"""The table of queues: heading, unit, query."""


def queue_table() -> Panel:
    """One line a queue."""
    names = [f"Value #{letter}" for letter in "ABCDEFGHIJKLMN"[: len(TABLE)]]
    units = [
        {"matcher": {"id": "byName", "options": title}, "properties": [{"id": "unit", "value": unit}]}
        for title, unit, _ in TABLE
    ]
    organize = {
        "excludeByName": {"Time": True},
        "renameByName": dict(zip(names, (title for title, _, _ in TABLE), strict=True)) | {"queue": "Queue"},
        "indexByName": {"cluster": 0, "namespace": 1, "queue": 2},
    }
    return Panel(
        "Queues", "table", "short", [("", expression) for _, _, expression in TABLE], 24, 9,
        "`taskq queue ls`", (("text", None),), {"showHeader": True, "footer": {"show": False}},
        {"align": "auto", "cellOptions": {"type": "auto"}}, units,
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
    )  # fmt: skip


def queues() -> Iterator[Panel]:
    """Each queue."""
    yield queue_table()
    yield graph("Done", "ops", ("{{queue}}", DONE), text="Jobs done a second.")
    yield graph("Failed", "ops", ("{{queue}}", FAILED), text="Failed attempts a second.")
    yield graph("Scheduled", "short", ("{{queue}}", state("scheduled")), text="Delayed jobs and retries.")
    yield graph("Dead", "short", ("{{queue}}", state("dead")), text="Dead letter queues.")
    held = once("taskq_jobs_held", by="limit")
    yield graph(
        "Held by limits", "short", ("{{queue}} {{limit}}", f"{held} or 0 * {state('ready')}"),
        text="Ready jobs that wait for a rate, for another job to end, or for their tenant.",
    )  # fmt: skip
    yield graph(
        "Workers", "short", ("{{queue}}", once("taskq_queue_workers")),
        ("{{queue}} desired", once("taskq_desired_workers")),
        text="Those that serve the queue, and how many its load asks for.",
    )  # fmt: skip
    retried, cancelled = once_rate("taskq_queue_retried_total"), once_rate("taskq_queue_cancelled_total")
    yield graph(
        "Retried and cancelled", "ops", ("{{queue}} retried", retried), ("{{queue}} cancelled", cancelled)
    )


def tenants() -> Iterator[Panel]:
    """Who shares a queue, and what belongs together in it."""
    jobs = once("taskq_tenant_jobs", by="tenant, state")
    done = once_rate("taskq_tenant_done_total", by="tenant")
    yield graph(
        "Jobs of tenants", "short", ("{{queue}} {{tenant}} {{state}}", jobs), width=8,
        text="The tenants that have most, and all other jobs of the queue as _other.",
    )  # fmt: skip
    yield graph("Done of tenants", "ops", ("{{queue}} {{tenant}}", done), width=8, text="Of the same.")
    yield graph(
        "Groups", "short", ("{{queue}} {{state}}", once("taskq_groups", by="state")), width=8,
        text="Those that have not finished. A failed or stuck one waits for somebody.",
    )  # fmt: skip


def schedules() -> Iterator[Panel]:
    """What fires by the clock."""
    until = f"{once('taskq_schedule_next_timestamp_seconds', by='schedule')} - time()"
    missed = once_rate("taskq_schedule_missed_total", "increase", by="schedule")
    drift = once("taskq_schedule_drift_seconds", by="schedule")
    yield graph(
        "Until the next run", "s", ("{{queue}} {{schedule}}", until), width=8,
        text="Below zero while nobody fires it.",
    )  # fmt: skip
    yield graph("Missed runs", "short", ("{{queue}} {{schedule}}", missed), width=8)
    yield graph("Fired late by", "s", ("{{queue}} {{schedule}}", drift), width=8)


def latency() -> Iterator[Panel]:
    """How long jobs wait and run, as workers measure it."""
    yield heatmap("Wait", "taskq_job_wait_seconds", "From ready to start, of first attempts.")
    yield heatmap("Run", "taskq_job_run_seconds", "How long attempts ran.")
    shares = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    yield graph(
        "Wait, quantiles", "s",
        *((name, quantile(share, "taskq_job_wait_seconds", "", QUEUES)) for share, name in shares),
    )  # fmt: skip
    yield graph(
        "Run, quantiles", "s",
        *((name, quantile(share, "taskq_job_run_seconds", "", QUEUES)) for share, name in shares),
    )  # fmt: skip
    yield graph(
        "Wait, p95 by queue", "s", ("{{queue}}", quantile(0.95, "taskq_job_wait_seconds", "queue", QUEUES))
    )
    yield graph(
        "Run, p95 by task",
        "s",
        ("{{queue}} {{task}}", quantile(0.95, "taskq_job_run_seconds", "queue, task", QUEUES)),
    )


def workers() -> Iterator[Panel]:
    """The workers whose ports are scraped."""
    yield graph(
        "Attempts", "ops", ("{{outcome}}", summed("taskq_job_attempts_total", "outcome")), stacked=True
    )
    yield graph(
        "Attempts by task", "ops", ("{{task}}", summed("taskq_job_attempts_total", "task")), stacked=True
    )
    yield graph(
        "Slots in use", "percentunit",
        ("{{instance}}", f"taskq_worker_busy_slots{{{HERE}}} / taskq_worker_slots{{{HERE}}}"),
        text="At 1 a worker takes no more jobs.",
    )  # fmt: skip
    yield graph(
        "Slots", "short", ("busy", f"sum(taskq_worker_busy_slots{{{HERE}}})"),
        ("slots", f"sum(taskq_worker_slots{{{HERE}}})"),
    )  # fmt: skip
    yield graph(
        "Longest running job", "s", ("{{instance}}", f"taskq_longest_running_job_seconds{{{HERE}}}"), width=8
    )
    last_claim = f"time() - (taskq_worker_last_claim_timestamp_seconds{{{HERE}}} > 0)"
    yield graph(
        "Since the last claim", "s", ("{{instance}}", last_claim), width=8,
        text="Grows while a worker is stuck, or the server is away.",
    )  # fmt: skip
    by_state = f"max by (cluster, namespace, state) (taskq_workers{{{HERE}}})"
    yield graph(
        "Worker processes", "short", ("{{state}}", f"sum by (state) ({by_state})"),
        ("say that they stop", f"sum(taskq_worker_draining{{{HERE}}})"), width=8,
    )  # fmt: skip
    yield graph(
        "Leases lost, jobs taken over", "ops",
        ("{{queue}} leases lost", summed("taskq_leases_lost_total", "queue")),
        ("{{queue}} jobs taken over", once_rate("taskq_queue_recovered_total")),
        text="Jobs that are taken over may run twice.",
    )  # fmt: skip
    yield graph(
        "Retried and dead, by task", "ops", ("{{task}} retried", summed("taskq_jobs_retried_total", "task")),
        ("{{task}} dead", summed("taskq_jobs_dead_total", "task")),
    )  # fmt: skip


def redis() -> Iterator[Panel]:
    """The server, and how it is reached."""

    def rate(metric: str) -> str:
        return f"max by (cluster, namespace) (rate({metric}{{{HERE}}}[$__rate_interval]))"

    yield graph(
        "Memory", "bytes", ("used", server("taskq_redis_memory_used_bytes")),
        ("maxmemory", f"{server('taskq_redis_memory_max_bytes')} > 0"), width=8,
    )  # fmt: skip
    yield graph("Commands", "ops", ("commands", rate("taskq_redis_commands_total")), width=8)
    yield graph(
        "Processor", "percentunit", ("of one core", rate("taskq_redis_cpu_seconds_total")), width=8,
        text="Redis runs scripts on one core: at 1 it is full.",
    )  # fmt: skip
    yield graph(
        "Calls of workers",
        "ops",
        ("{{op}}", summed("taskq_redis_op_seconds_count", "op", HERE)),
        stacked=True,
    )
    yield graph(
        "Calls of workers, p99", "s", ("{{op}}", quantile(0.99, "taskq_redis_op_seconds", "op", HERE))
    )
    yield graph(
        "Failed calls", "ops", ("{{op}} {{kind}}", summed("taskq_redis_errors_total", "op, kind", HERE)),
        ("reconnects", f"sum(rate(taskq_redis_reconnects_total{{{HERE}}}[$__rate_interval]))"),
    )  # fmt: skip
    yield graph(
        "Connections, evicted keys", "short", ("connections", server("taskq_redis_connected_clients")),
        ("evicted in all", server("taskq_redis_evicted_keys_total")),
        text="Any evicted key may be jobs: maxmemory-policy must be noeviction.",
    )  # fmt: skip
    yield from _exporter()


def _exporter() -> Iterator[Panel]:
    """Whether what is shown of queues is of now."""
    age = f"time() - ({server('taskq_exporter_last_success_timestamp_seconds')} > 0)"
    yield graph(
        "Exporter", "s", ("a reading takes", server("taskq_exporter_scrape_seconds")),
        ("since the last", age),
        text="All that stands above about queues is as old as the last reading.",
    )  # fmt: skip
    failed = f"max by (cluster, namespace) (increase(taskq_exporter_errors_total{{{HERE}}}[5m]))"
    yield graph(
        "Exporter's faults", "short", ("server up", server("taskq_redis_up")),
        ("failed readings", failed),
        ("queues left out", server("taskq_exporter_queues_left_out")),
    )  # fmt: skip


def producers() -> Iterator[Panel]:
    """Applications that serve the metrics of their producers."""
    yield graph("Enqueued", "ops", ("{{task}}", summed("taskq_jobs_enqueued_total", "task")), stacked=True)
    yield graph(
        "Refused", "ops", ("{{queue}} {{reason}}", summed("taskq_enqueue_rejected_total", "queue, reason"))
    )


ROWS: Final = (
    ("Overview", overview),
    ("Queues", queues),
    ("Tenants and groups", tenants),
    ("Schedules", schedules),
    ("Latency", latency),
    ("Workers", workers),
    ("Redis", redis),
    ("Producers", producers),
)


def placed() -> Iterator[Json]:
    """All panels, left to right and from the top, each row under its heading."""
    number, y = 0, 0
    for title, build in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        y, x, height = y + 1, 0, 0
        for panel in build():
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            number += 1
            yield panel.json(number, x, y)
            x, height = x + panel.width, max(height, panel.height)
        y += height


def dashboard() -> Json:
    """The whole dashboard."""
    return {
        "uid": "taskq",
        "title": "taskq",
        "description": "Queues, workers and server of taskq. docs/runbook.md says what to do about alerts.",
        "tags": ["taskq"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": variables()},
        "panels": list(placed()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n")
