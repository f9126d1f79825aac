"""deploy/grafana/taskq.json: made from its source, laid out without overlaps, and asks for what there is."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.dashboard import COLUMNS, dashboard
from taskq_core.metrics import METRICS
from tests.deploy.files import DEPLOY
from tests.deploy.promql import OF_ALERTS, check_expressions, faults, filled_in, known_series

FILE = DEPLOY / "grafana" / "taskq.json"


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]


def test_it_is_what_its_source_makes(board: dict[str, Any]) -> None:
    assert board == dashboard(), "run `make docs`"


def test_every_expression_can_be_read(board: dict[str, Any], tmp_path: Path) -> None:
    check_expressions(map(filled_in, expressions(board)), tmp_path)


def test_only_metrics_and_labels_that_exist_are_named(board: dict[str, Any]) -> None:
    known = known_series()
    known["ALERTS"] = {*OF_ALERTS, "cluster", "namespace", "queue"}
    asked = [
        *expressions(board),
        *(v["definition"] for v in board["templating"]["list"] if v["type"] == "query"),
    ]

    assert [fault for text in asked for fault in faults(text, known)] == []


def test_what_does_not_exist_would_be_found() -> None:
    wrong = 'sum by (task) (taskq_queue_jobs{stat="x"}) + taskq_jobs'

    assert list(faults(wrong, known_series())) == [
        "taskq_queue_jobs has no label stat",
        "no metric taskq_jobs",
        "no label task",
    ]


def test_every_metric_is_shown_somewhere(board: dict[str, Any]) -> None:
    text = " ".join(expressions(board))
    missing = {metric.name for metric in METRICS if metric.name not in text}

    # of jobs taken over the server's own counter is shown: it also knows of workers that are not scraped
    assert missing == {"taskq_build_info", "taskq_jobs_recovered_total"}


def test_panels_do_not_overlap_and_stay_within_the_page(board: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    overlaps = [
        (first, second)
        for (first, a), (second, b) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    ]  # fmt: skip

    assert overlaps == []
    assert [title for title, place in places if place["x"] + place["w"] > COLUMNS] == []


def test_ids_are_unique_and_every_panel_has_a_unit_and_a_source(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(board):
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0


def test_titles_in_a_row_differ(board: dict[str, Any]) -> None:
    row, seen = "", set()
    for panel in board["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        assert (row, panel["title"], panel["type"]) not in seen
        seen.add((row, panel["title"], panel["type"]))


def test_a_legend_names_labels_that_the_query_leaves(board: dict[str, Any]) -> None:
    known = known_series()
    for panel in panels(board):
        for target in panel["targets"]:
            groups = re.findall(r"by \(([^)]*)\)", target["expr"])
            [name] = re.findall(r"\b(?:taskq_\w+|ALERTS)\b", target["expr"])[:1]
            left = set(re.findall(r"\w+", groups[0])) if groups else known.get(name, set())
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left, target


def test_variables_are_used_and_those_used_exist(board: dict[str, Any]) -> None:
    names = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) - {"__rate_interval"}

    assert names == used
