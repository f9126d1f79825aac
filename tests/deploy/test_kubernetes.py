"""deploy/k8s: schemas of several versions of Kubernetes, and that its parts fit each other and the image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY, K8S, Resource, grace, image_environment, kustomized, last, one
from tests.pages import blocks
from tests.servers import missing

NAME = "app.kubernetes.io/name"
CUSTOM = {"ScaledObject", "PodMonitor", "ServiceMonitor"}
"""Of operators, whose schemas do not come with Kubernetes."""
VERSIONS = ("1.28", "1.31", "1.34")
TOGETHER = sorted(folder.name for folder in (K8S / "components").iterdir() if folder.name != "hpa")
SECRET = "taskq-redis"


@pytest.fixture(scope="module")
def base() -> list[Resource]:
    return kustomized()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """The base and all components that go together, and the other scaler."""
    other = one(overlay(tmp_path_factory.mktemp("hpa"), ["hpa"]), "HorizontalPodAutoscaler")
    return [*overlay(tmp_path_factory.mktemp("full"), TOGETHER), other]


def overlay(folder: Path, components: list[str]) -> list[Resource]:
    there = os.path.relpath(K8S.resolve(), folder.resolve())
    text = {"resources": [there], "components": [f"{there}/components/{name}" for name in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    return kustomized(folder)


def deployments(resources: list[Resource]) -> list[Resource]:
    return [r for r in resources if r["kind"] == "Deployment"]


def container(deployment: Resource) -> Resource:
    [found] = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


def walk(value: Any, key: str) -> Iterator[Any]:
    """All values under this key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from walk(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, key)


def misfit(resource: Resource, version: str) -> str:
    """What the schemas of a version have against it, which may be nothing."""
    try:
        validating: Any = import_module("kubernetes_validate")
    except ImportError:
        missing("kubernetes-validate is not installed")
    try:
        validating.validate(resource, version, strict=True)
    except validating.ValidationError as wrong:
        return f"{resource['kind']}: {wrong}"
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_resources_fit_the_schemas(full: list[Resource], version: str) -> None:
    known = [resource for resource in full if resource["kind"] not in CUSTOM]
    assert {"Deployment", "PodDisruptionBudget"} <= {resource["kind"] for resource in known}
    assert [why for resource in known if (why := misfit(resource, version))] == []


def test_a_misspelt_field_would_be_found(base: list[Resource]) -> None:
    wrong = one(base, "PodDisruptionBudget") | {"spec": {"maxUnavailible": 1}}

    assert "maxUnavailible" in misfit(wrong, VERSIONS[-1])


def test_every_file_belongs_to_a_kustomization() -> None:
    named = {
        (path.parent / name).resolve()
        for path in K8S.rglob("kustomization.yaml")
        for name in yaml.safe_load(path.read_text())["resources"]
    }

    assert named == {p.resolve() for p in K8S.rglob("*.yaml") if p.name != "kustomization.yaml"}


def test_the_base_names_no_namespace_and_holds_no_secret(full: list[Resource]) -> None:
    assert [r for r in full if "namespace" in r["metadata"] or r["kind"] == "Secret"] == []


def test_selectors_select_what_is_there(full: list[Resource]) -> None:
    pods = [d["spec"]["template"]["metadata"]["labels"] for d in deployments(full)]
    selected = [*walk(full, "matchLabels")]
    services = [r for r in full if r["kind"] == "Service"]
    labels = pods + [r["metadata"]["labels"] for r in services]

    for wanted in [s for s in selected if NAME in s] + [s["spec"]["selector"] for s in services]:
        assert any(wanted.items() <= found.items() for found in labels), wanted
    for deployment in deployments(full):
        template = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= template.items()


def test_ports_are_called_by_names_that_containers_give(full: list[Resource]) -> None:
    given = {port["name"] for d in deployments(full) for port in container(d)["ports"]}
    called = [
        p["httpGet"]["port"] for d in deployments(full) for p in container(d).values() if "httpGet" in p
    ]
    called += [port["targetPort"] for port in one(full, "Service")["spec"]["ports"]]
    called += [
        e["port"] for kind in ("podMetricsEndpoints", "endpoints") for es in walk(full, kind) for e in es
    ]

    assert len(called) >= 7
    assert set(called) <= given


def test_ports_and_arguments_agree(base: list[Resource]) -> None:
    worker, exporter = (container(one(base, "Deployment", f"taskq-{n}")) for n in ("worker", "exporter"))
    env = {e["name"]: e.get("value") for e in worker["env"]}

    assert env["TASKQ_METRICS_PORT"] == str(worker["ports"][0]["containerPort"])
    assert env["TASKQ_METRICS_PORT"] == image_environment()["TASKQ_METRICS_PORT"]
    assert exporter["args"][exporter["args"].index("--port") + 1] == str(
        exporter["ports"][0]["containerPort"]
    )
    assert {f"{c['ports'][0]['containerPort']}" for c in (worker, exporter)} == set(last("EXPOSE").split())


def test_the_address_of_redis_comes_from_one_secret(full: list[Resource]) -> None:
    refs = [*walk(full, "secretKeyRef")]

    assert refs == [{"name": SECRET, "key": "url"}] * len(deployments(full))


def test_settings_come_from_the_map_that_is_made(full: list[Resource]) -> None:
    name = one(full, "ConfigMap")["metadata"]["name"]

    assert {ref["name"] for ref in walk(full, "configMapRef")} == {name}


def test_a_pod_may_do_what_the_restricted_profile_allows(full: list[Resource]) -> None:
    for deployment in deployments(full):
        pod, inside = deployment["spec"]["template"]["spec"], container(deployment)["securityContext"]

        assert pod["securityContext"]["runAsNonRoot"] is True
        assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == last("USER")
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert inside == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        # a Service taskq-exporter would set TASKQ_EXPORTER_PORT
        assert pod["enableServiceLinks"] is False


def test_a_pod_is_not_killed_before_its_worker_had_its_grace(base: list[Resource]) -> None:
    deployment = one(base, "Deployment", "taskq-worker")
    worker = container(deployment)
    [_, pause] = worker["lifecycle"]["preStop"]["exec"]["command"]

    whole = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert whole >= int(pause) + grace(worker["args"]) + 10


def test_only_what_is_alive_is_asked_before_a_restart(full: list[Resource]) -> None:
    for deployment in deployments(full):
        for kind in ("livenessProbe", "startupProbe"):
            probe = container(deployment).get(kind)
            assert probe is None or probe["httpGet"]["path"] == "/livez"
    assert (
        container(one(full, "Deployment", "taskq-worker"))["readinessProbe"]["httpGet"]["path"] == "/readyz"
    )


@pytest.mark.parametrize(
    ("component", "kind"), [("hpa", "HorizontalPodAutoscaler"), ("keda", "ScaledObject")]
)
def test_a_scaler_alone_says_how_many_workers_there_are(tmp_path: Path, component: str, kind: str) -> None:
    resources = overlay(tmp_path, [component])
    deployment = one(resources, "Deployment", "taskq-worker")

    assert "replicas" not in deployment["spec"]
    assert one(resources, kind)["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_prometheus_calls_its_jobs_as_the_alerts_do(full: list[Resource]) -> None:
    monitors = [r for r in full if r["kind"].endswith("Monitor")]
    jobs = {monitor["spec"]["selector"]["matchLabels"][monitor["spec"]["jobLabel"]] for monitor in monitors}
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())

    assert jobs == {job["job_name"] for job in config["scrape_configs"]}
    assert [*walk(monitors, "honorLabels")] == [job["honor_labels"] for job in config["scrape_configs"]]


def test_two_scalers_of_one_deployment_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="replicas"):
        overlay(tmp_path, ["hpa", "keda"])


def test_keda_reads_the_exporter(full: list[Resource]) -> None:
    [trigger] = one(full, "ScaledObject")["spec"]["triggers"]
    service = one(full, "Service")
    read = trigger["metadata"]

    port = service["spec"]["ports"][0]["port"]
    assert read["url"] == f"http://{service['metadata']['name']}:{port}/desired?queue=default"
    assert read["valueLocation"] == "value"


def test_the_kustomization_of_the_page_makes_pods_of_its_own_image(tmp_path: Path) -> None:
    [text] = [
        block for kind, block in blocks("deploy.md") if kind == "yaml" and "kind: Kustomization" in block
    ]
    there = os.path.relpath(K8S.resolve(), tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(text.replace("../taskq/deploy/k8s", there))
    resources = kustomized(tmp_path)

    assert {container(d)["image"] for d in deployments(resources)} == {"registry.example.com/shop:1.4.2"}
    assert {r["metadata"].get("namespace") for r in resources} == {"shop"}
    [trigger] = one(resources, "ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"]["url"].endswith("/desired?queue=emails")
