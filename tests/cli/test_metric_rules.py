"""`taskq metrics rules`: Prometheus takes what it writes, and the alerts come at the SLO of each queue."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from taskq_cli.metric_rules import BURNS, Slo, in_time, rules
from taskq_core import METRICS, Client
from tests.conftest import Taskq
from tests.deploy.files import run, tool
from tests.deploy.promql import faults, known_series
from tests.servers import Server

[BUCKETS] = [metric.buckets for metric in METRICS if metric.name == "taskq_job_wait_seconds"]
ODD = ("null", "yes", "0x1f", "1e3", "1.0", "2027-01-31", "a--b", "x" * 64)
"""Names that YAML would take for something else."""


def written(*slos: Slo) -> str:
    return "".join(f"{line}\n" for line in rules(slos, BUCKETS, "taskq metrics rules"))


def read(*slos: Slo) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(written(*slos))["groups"] for rule in group["rules"]]


def test_prometheus_takes_rules_for_any_name_and_slo(tmp_path: Path) -> None:
    waits = (0.0005, 0.001, 0.3, 1, 5, 7.5, 7200, 86_400)
    slos = [Slo("null", name, wait, 0.99) for name, wait in zip(ODD, waits, strict=True)]
    (tmp_path / "slo.yml").write_text(written(*slos))

    run(tool("promtool"), "check", "rules", tmp_path / "slo.yml")

    groups = yaml.safe_load((tmp_path / "slo.yml").read_text())["groups"]
    assert [group["name"] for group in groups] == [f"taskq-slo null/{name}" for name in ODD]


def test_what_breaks_out_of_quotes_does_not() -> None:
    name = 'x"} or vector(1) # \\ \n- alert: y'
    found = read(Slo("default", name, 5, 0.99))

    assert {rule.get("alert", "") for rule in found} == {
        "", "TaskqWaitSLOBurnFast", "TaskqWaitSLOBurnSlow", "TaskqOldestJobTooOld",
    }  # fmt: skip
    assert all(r'queue="x\"} or vector(1) # \\ \n- alert: y"' in rule["expr"] for rule in found)


def test_only_metrics_and_labels_that_exist_are_named() -> None:
    found = read(Slo("default", "emails", 7.5, 0.99))
    known = known_series()
    known |= {rule["record"]: {"cluster", "namespace", "queue"} for rule in found if "record" in rule}

    assert [fault for rule in found for fault in faults(rule["expr"], known)] == []


def test_an_slo_between_two_buckets_takes_a_part_of_the_upper_one() -> None:
    between = in_time(Slo("d", "q", 7.5, 0.99), "5m", BUCKETS)
    assert between.startswith("(0.5 * ")
    assert 'le=~"10([.]0)?"' in between
    assert 'le=~"5([.]0)?"' in between
    assert "*" not in in_time(Slo("d", "q", 5, 0.99), "5m", BUCKETS)


def test_what_cannot_be_measured_or_reached_has_no_rule() -> None:
    beyond = read(Slo("d", "q", 86_400, 0.99))
    lenient = read(Slo("d", "q", 5, 0.9))

    assert [rule["alert"] for rule in beyond] == ["TaskqOldestJobTooOld"]
    assert len([rule for rule in lenient if "SLOBurn" in rule.get("alert", "")]) == len(BURNS) - 1


def wait_series(late: int, of: int, minutes: int) -> list[dict[str, str]]:
    """The histogram of a queue that starts ``of`` jobs a minute, ``late`` of them after 5 s and before 10."""
    labels = 'namespace="default", queue="emails"'
    rows = [("5.0", of - late), ("10.0", of), ("+Inf", of)]
    buckets = [
        {"series": f'taskq_job_wait_seconds_bucket{{{labels}, le="{le}"}}', "values": f"0+{n}x{minutes}"}
        for le, n in rows
    ]
    count = {"series": f"taskq_job_wait_seconds_count{{{labels}}}", "values": f"0+{of}x{minutes}"}
    oldest = {"series": f"taskq_queue_oldest_ready_age_seconds{{{labels}}}", "values": f"{late}x{minutes}"}
    return [*buckets, count, oldest]


@pytest.mark.parametrize(
    ("late", "fast", "slow", "old"),
    [(20, ["1h", "6h"], ["1d", "3d"], 1), (8, ["6h"], ["1d", "3d"], 1), (2, [], ["3d"], 0), (0, [], [], 0)],
)
def test_alerts_fire_at_their_burn_rates(
    tmp_path: Path, late: int, fast: list[str], slow: list[str], old: int
) -> None:
    (tmp_path / "slo.yml").write_text(written(Slo("default", "emails", 5, 0.99)))
    firing = 'count by (window) (ALERTS{alertstate="firing", alertname="%s"})'

    def expected(windows: list[str]) -> list[dict[str, Any]]:
        return [{"labels": f'{{window="{window}"}}', "value": 1} for window in windows]

    names = {"TaskqWaitSLOBurnFast": expected(fast), "TaskqWaitSLOBurnSlow": expected(slow)}
    names["TaskqOldestJobTooOld"] = [{"labels": "{}", "value": 1}] * old
    checks = [
        {"expr": firing % name, "eval_time": "70m", "exp_samples": found} for name, found in names.items()
    ]
    test = {"interval": "1m", "input_series": wait_series(late, 100, 80), "promql_expr_test": checks}
    file = {"rule_files": ["slo.yml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "slo_test.yml").write_text(yaml.safe_dump(file))

    run(tool("promtool"), "test", "rules", tmp_path / "slo_test.yml")


def test_the_command_writes_rules_for_queues_with_an_slo(any_server: Server, taskq: Taskq) -> None:
    with Client(any_server.url) as client:
        for queue in ("emails", "reports", "slow"):
            client.enqueue(queue, "t", {})
        client.configure("emails", slo=timedelta(seconds=5))
        client.configure("slow", slo=timedelta(days=1))

    done = taskq("metrics", "rules", "--ratio", "0.999", url=any_server.url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Made by: taskq metrics rules --ratio 0.999\n")
    groups = yaml.safe_load(done.stdout)["groups"]
    assert [group["name"] for group in groups] == ["taskq-slo default/emails", "taskq-slo default/slow"]
    assert "> 0.0144" in done.stdout
    assert done.stderr.startswith("taskq: slow: waits are measured up to 7200 s")


def test_without_an_slo_the_file_is_empty_and_valid(any_server: Server, taskq: Taskq) -> None:
    with Client(any_server.url) as client:
        client.enqueue("emails", "t", {})

    done = taskq("metrics", "rules", url=any_server.url)

    assert yaml.safe_load(done.stdout) == {"groups": []}
    assert "no queue has an SLO" in done.stderr


def test_a_ratio_that_is_none_is_refused(any_server: Server, taskq: Taskq) -> None:
    assert taskq("metrics", "rules", "--ratio", "1", url=any_server.url).returncode == 2
