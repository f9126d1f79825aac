"""deploy/compose.yaml: Compose takes it, its parts fit, and its services work as they are written."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from taskq_core import Client, JobOptions
from tests.deploy.files import K8S, compose, grace, image_environment, instructions, seconds
from tests.deploy.stack import EXPORTER_PORT, WORKER_PORT, Stack
from tests.processes import ROOT, environment
from tests.waiting import wait_until

OURS = ("worker", "exporter", "taskq")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


@pytest.fixture
def stack(tmp_path: Path, clean_home: Path) -> Iterator[Stack]:
    found = Stack(tmp_path, environment(clean_home), WORKER_CONCURRENCY="7")
    yield found
    found.close()


def test_without_a_profile_there_are_redis_a_worker_and_the_exporter(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "profiles" not in service} == {
        "redis",
        "worker",
        "exporter",
    }


def test_our_services_need_no_rights(services: dict[str, Any]) -> None:
    for name in OURS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service, "the image says it"


def test_nothing_starts_before_what_it_needs_is_healthy(services: dict[str, Any]) -> None:
    for name in OURS:
        assert services[name]["depends_on"]["redis"]["condition"] == "service_healthy"
    for service in services.values():
        for needed in service.get("depends_on", {}):
            has = services[needed]
            assert "healthcheck" in has or has["image"] == services["worker"]["image"], needed


def test_a_worker_may_be_there_several_times(services: dict[str, Any]) -> None:
    assert "ports" not in services["worker"]
    assert "container_name" not in services["worker"]


def test_a_worker_is_not_killed_before_its_grace_is_over(services: dict[str, Any]) -> None:
    worker = services["worker"]

    assert seconds(worker["stop_grace_period"]) >= grace(worker["command"]) + 10


def test_ports_of_this_machine_are_closed_to_others(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]

    assert len(ports) == 4
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_the_server_keeps_jobs(services: dict[str, Any]) -> None:
    [_, *words] = services["redis"]["command"]
    options = dict(zip(words[::2], words[1::2], strict=True))

    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert services["redis"]["volumes"][0]["target"] == "/data"


def test_the_number_of_slots_comes_from_outside() -> None:
    said = [compose(**env)["services"]["worker"]["environment"] for env in ({}, {"WORKER_CONCURRENCY": "50"})]

    assert [env["TASKQ_CONCURRENCY"] for env in said] == ["10", "50"]


def test_files_that_are_mounted_are_there(services: dict[str, Any]) -> None:
    mounted = [v for service in services.values() for v in service.get("volumes", ()) if v["type"] == "bind"]

    assert [v["source"] for v in mounted if not Path(v["source"]).exists()] == []
    for service in ("prometheus", "alertmanager"):
        [flag] = [word for word in services[service]["command"] if word.startswith("--config.file=")]
        here = flag.removeprefix("--config.file=").replace(
            "/etc/prometheus", str(ROOT / "deploy" / "prometheus")
        )
        assert Path(here).exists(), here


def test_prometheus_asks_the_services_at_their_ports(services: dict[str, Any]) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"].removeprefix("taskq-"): job for job in config["scrape_configs"]}

    assert image_environment()["TASKQ_METRICS_PORT"] == WORKER_PORT
    assert ("EXPOSE", f"{WORKER_PORT} {EXPORTER_PORT}") in instructions()
    assert services["exporter"]["command"][-1] == EXPORTER_PORT
    assert jobs["exporter"]["static_configs"] == [{"targets": [f"exporter:{EXPORTER_PORT}"]}]
    [workers] = jobs["worker"]["dns_sd_configs"]
    assert (workers["names"], str(workers["port"])) == (["worker"], WORKER_PORT)
    assert jobs.keys() <= services.keys()


def read_as_keda_does(port: str) -> int:
    scaler = yaml.safe_load((K8S / "components" / "keda" / "scaled-object.yaml").read_text())
    read = scaler["spec"]["triggers"][0]["metadata"]
    address = read["url"].replace(f"taskq-exporter:{EXPORTER_PORT}", f"127.0.0.1:{port}")
    with urlopen(address, timeout=10) as answer:
        return int(json.load(answer)[read["valueLocation"]])


def told_done(port: str) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    found = re.search(r'^taskq_queue_done_total\{.*queue="default".*\} (\S+)$', page, re.MULTILINE)
    return float(found[1]) if found else 0


def test_the_services_work_as_they_are_written(stack: Stack) -> None:
    redis = stack.redis()
    server = stack.up(redis)
    workers = [stack.up(stack.taskq("worker")) for _ in range(2)]
    exporter = stack.taskq("exporter")
    stack.up(exporter)

    sent = stack.taskq(
        "taskq", "enqueue", "greet", "name=Ada", "--keep", "1h", "--wait=30s", "-o", "json"
    ).start()
    assert sent.wait(40) == 0, sent.stderr
    with Client(stack.url) as client:
        assert [worker.slots for worker in client.workers("default")] == [7, 7]
        client.enqueue_many("default", "greet", [{"name": str(n)} for n in range(200)])
        wait_until(lambda: client.snapshot("default").totals.get("done") == 201, 30, "all jobs done")

        wait_until(lambda: told_done(exporter.metrics) == 201, 20, "the exporter to tell of them")
        assert read_as_keda_does(exporter.metrics) >= 1
        assert [worker.stop() for worker in workers] == [128 + signal.SIGTERM] * 2

        client.enqueue("default", "greet", {"name": "late"}, JobOptions())
        server.kill()
        stack.up(redis)
        assert client.snapshot("default").ready_total == 1
    assert "Hello Ada" in json.dumps([worker.stdout for worker in workers])
