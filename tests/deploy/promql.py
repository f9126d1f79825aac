"""PromQL as far as the tests read it: which metrics and labels an expression names, and whether it parses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from taskq_core.metrics import METRICS
from tests.deploy.files import DEPLOY, run, tool

PROMETHEUS = DEPLOY / "prometheus"
OF_TARGETS = {"instance", "job", "cluster"}
"""Labels that a series gets from its target."""
OF_ALERTS = {"alertname", "alertstate", "severity"}
GRAFANA = {
    "$__rate_interval": "1m",
    "$cluster": ".*",
    "$namespace": ".*",
    "$queue": ".*",
}
"""What Grafana fills in when all is chosen."""


def known_series() -> dict[str, set[str]]:
    """The name of each series that taskq exposes, and its labels."""
    found: dict[str, set[str]] = {}
    for metric in METRICS:
        labels = {*metric.labels, *OF_TARGETS}
        if metric.kind == "histogram":
            found |= {f"{metric.name}{suffix}": labels for suffix in ("_count", "_sum")}
            found[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            found[metric.name] = labels
    return found


def records() -> dict[str, set[str]]:
    """The series that alerts.yml itself makes, and their labels."""
    return {
        rule["record"]: set(re.findall(r"\w+", re.findall(r"by \(([^)]*)\)", rule["expr"])[0]))
        for rule in rules()
        if "record" in rule
    }


def rules(path: Path = PROMETHEUS / "alerts.yml") -> list[dict[str, Any]]:
    """All rules of a file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts(path: Path = PROMETHEUS / "alerts.yml") -> dict[str, dict[str, Any]]:
    """Its alerts by name."""
    return {rule["alert"]: rule for rule in rules(path) if "alert" in rule}


def filled_in(expression: str) -> str:
    """An expression of the dashboard as Prometheus gets it."""
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    return expression


def check_expressions(expressions: Iterable[str], folder: Path) -> None:
    """Whether Prometheus can read each. Raises: AssertionError with its words."""
    named = [{"record": f"expression:{n}", "expr": text} for n, text in enumerate(expressions)]
    file = folder / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": named}]}))
    run(tool("promtool"), "check", "rules", file)


def faults(expression: str, known: Mapping[str, set[str]]) -> Iterator[str]:
    """Names of metrics and labels in an expression that there are not."""
    metrics = re.findall(r"((?:\w+:)+\w+|\btaskq_\w+|\bALERTS\b)(?:\{(.*?)\})?", expression)
    if not metrics and "vector(" not in expression:
        yield f"no metric in {expression}"
    for name, matchers in metrics:
        labels = known.get(name)
        if labels is None:
            yield f"no metric {name}"
            continue
        yield from (
            f"{name} has no label {label}"
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)
            if label not in labels
        )
    everywhere = set().union(*(known.get(name, set()) for name, _ in metrics))
    for group in re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", expression):
        yield from (f"no label {label}" for label in re.findall(r"\w+", group) if label not in everywhere)
