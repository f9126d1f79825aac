"""deploy/prometheus: the programs take their files, and each alert fires and stays silent as it should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from taskq_cli.reference import leaves
from tests.deploy.files import run, tool
from tests.deploy.promql import PROMETHEUS, alerts, faults, known_series, records, rules
from tests.processes import ROOT

ALERTS = alerts()
ALWAYS = "TaskqWatchdog"
NAMES = {
    "TaskqExporterDown", "TaskqOldestJobTooOld", "TaskqWaitSLOBurnFast", "TaskqBacklogGrowing",
    "TaskqErrorRatioHigh", "TaskqDeadLetterGrowing", "TaskqNoWorkers", "TaskqWorkerStuck",
    "TaskqQueueStalled", "TaskqGroupHalted",
    "TaskqLeasesLost", "TaskqScheduledOverdue", "TaskqRedisErrors", "TaskqRedisMemoryHigh",
    "TaskqRedisEvictingJobs", "TaskqWatchdog",
}  # fmt: skip


def cases() -> list[tuple[str, bool]]:
    """Each case of alerts_test.yml: the alert, and whether it must fire."""
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    return [(c["alertname"], bool(c.get("exp_alerts"))) for test in tests for c in test["alert_rule_test"]]


def clauses(name: str) -> list[str]:
    """The lines of an alert's expression that widen or narrow it."""
    lines = ALERTS[name]["expr"].splitlines()
    return [line for line in lines if line.lstrip().startswith(("and ", "unless ", "or "))]


def test_prometheus_takes_the_rules() -> None:
    run(tool("promtool"), "check", "rules", PROMETHEUS / "alerts.yml")


def test_every_alert_is_there() -> None:
    assert set(ALERTS) == NAMES


def test_every_alert_fires_and_stays_silent_where_it_should() -> None:
    run(tool("promtool"), "test", "rules", PROMETHEUS / "alerts_test.yml", PROMETHEUS / "alerts_day_test.yml")


def test_every_alert_has_a_case_of_both() -> None:
    wanted = {(name, fires) for name in ALERTS for fires in (True, False)} - {(ALWAYS, False)}

    assert wanted - set(cases()) == set()


@pytest.mark.parametrize("number", range(max(len(clauses(name)) for name in ALERTS)))
def test_no_condition_of_an_alert_could_be_left_out(number: int, tmp_path: Path) -> None:
    text = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
    changed = []
    for rule in (rule for group in text["groups"] for rule in group["rules"] if "alert" in rule):
        left_out = clauses(rule["alert"])[number : number + 1]
        if left_out:
            rule["expr"] = "\n".join(line for line in rule["expr"].splitlines() if line not in left_out)
            changed.append(rule["alert"])
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(text))
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())
    tests["tests"] = [t for t in tests["tests"] if t["alert_rule_test"][0]["alertname"] in changed]
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(tests))

    command = [tool("promtool"), "test", "rules", str(tmp_path / "alerts_test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    failed = set(re.findall(r"\bTaskq\w+", done.stdout + done.stderr))
    assert [name for name in changed if name not in failed] == [], "no case fails without it"


def test_only_metrics_and_labels_that_exist_are_named() -> None:
    known = known_series() | records()

    assert [fault for rule in rules() for fault in faults(rule["expr"], known)] == []


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for name, rule in ALERTS.items():
        said = rule["annotations"]
        assert rule["labels"]["severity"] in ({"none"} if name == ALWAYS else {"critical", "warning"})
        assert sorted(said) == ["description", "runbook_url", "summary"]
        assert said["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert name == ALWAYS or "Ask: taskq " in said["description"]
        if "queue" in rule["expr"].partition(")")[0]:
            assert "{{ $labels.queue }}" in said["summary"] + said["description"]


def configs() -> list[Path]:
    return sorted(PROMETHEUS.glob("prometheus*.yml"))


@pytest.mark.parametrize("path", configs(), ids=lambda path: path.name)
def test_prometheus_takes_the_configuration(path: Path, tmp_path: Path) -> None:
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    for job in config["scrape_configs"]:
        # Debian builds Prometheus without this discovery; what comes after it is checked all the same
        found = job.pop("kubernetes_sd_configs", None)
        if found is not None:
            assert found == [{"role": "pod"}]
            job["static_configs"] = [{"targets": ["pod:9101"]}]
    shutil.copy(PROMETHEUS / "alerts.yml", tmp_path)
    (tmp_path / path.name).write_text(yaml.safe_dump(config))

    run(tool("promtool"), "check", "config", tmp_path / path.name)


@pytest.mark.parametrize("path", configs(), ids=lambda path: path.name)
def test_configurations_differ_only_in_how_targets_are_found(path: Path) -> None:
    here, model = (yaml.safe_load(p.read_text()) for p in (path, PROMETHEUS / "prometheus.yml"))

    assert here["global"] == model["global"]
    assert here["rule_files"] == model["rule_files"] == ["alerts.yml", "slo*.yml"]
    assert all(job["honor_labels"] is True for job in here["scrape_configs"]), "`namespace` is taskq's"


def test_alertmanager_takes_its_configuration() -> None:
    run(tool("amtool"), "check-config", PROMETHEUS / "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["alertname=TaskqWatchdog", "severity=none"], "watchdog"),
        (["alertname=TaskqNoWorkers", "severity=critical", "queue=emails"], "team-now"),
        (["alertname=TaskqDeadLetterGrowing", "severity=warning"], "team"),
    ],
)
def test_an_alert_reaches_its_receiver(labels: list[str], receivers: str) -> None:
    file = f"--config.file={PROMETHEUS / 'alertmanager.yml'}"

    assert run(tool("amtool"), "config", "routes", "test", file, *labels).split() == [receivers]


def test_only_alerts_that_exist_are_routed_and_muted() -> None:
    text = (PROMETHEUS / "alertmanager.yml").read_text()
    patterns = [p for m in re.findall(r'alertname =~? "([^"]+)"', text) for p in m.split("|")]

    assert [p for p in patterns if not any(re.fullmatch(p, name) for name in ALERTS)] == []


# -- the runbook ------------------------------------------------------------------------------

RUNBOOK = ROOT / "docs" / "runbook.md"


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    generated = {"TaskqWaitSLOBurnSlow"}
    assert {title for title in sections() if title.startswith("Taskq")} == set(ALERTS) | generated


def test_a_section_says_what_it_means_and_gives_commands() -> None:
    for name, text in sections().items():
        if name in ALERTS and name != ALWAYS:
            assert "```sh\ntaskq " in text, name
            assert len(text.split("```")[0].split()) >= 15, f"{name}: what does it mean?"


def test_the_runbook_names_only_commands_and_options_that_exist() -> None:
    known = {path: {o for p in command.params for o in p.opts} for path, command in leaves()}
    named = re.findall(r"(?:^|`)(taskq [^`\n]*)", RUNBOOK.read_text(), flags=re.MULTILINE)
    named += re.findall(
        r"taskq [^,.{]*", " ".join(rule["annotations"]["description"] for rule in ALERTS.values())
    )

    wrong = []
    for line in named:
        words = line.split(" > ")[0].split()
        path = next((p for n in (3, 2) if (p := " ".join(words[:n])) in known), None)
        options = {word.partition("=")[0] for word in words if word.startswith("-")}
        if path is None or not options <= known[path]:
            wrong.append(line)
    assert len(named) > 60
    assert wrong == []


def test_links_of_the_runbook_lead_to_its_sections() -> None:
    anchors = {title.lower() for title in sections()}

    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK.read_text())) <= anchors
