"""Hostile payloads and arguments: shown as what they are. What each command prints: test_attack_corpus.py."""

from __future__ import annotations

import json

import pytest

from tests.attacks import ATTACKS, CONTROL
from tests.cli.conftest import Bury, Shell


@pytest.fixture
def attacked(sh: Shell, bury: Bury) -> list[str]:
    """Dead jobs with the attacks in payload and error, and waiting ones with them in the payload."""
    refs: list[str] = []
    for name, text in ATTACKS.items():
        refs += bury({name: text, text[:50]: name}, error=text)
    lines = "\n".join(json.dumps({"task": "t", "payload": {"x": text}}) for text in ATTACKS.values())
    return refs + sh.ok("enqueue", "-", "-q", "emails", stdin=lines).splitlines()


def test_json_still_holds_every_character(sh: Shell, attacked: list[str]) -> None:
    jobs = {job["id"]: job for job in sh.records("inspect", *attacked)}
    for ref, (name, text) in zip(attacked, ATTACKS.items(), strict=False):
        assert jobs[ref]["payload"][name] == text


def test_markup_is_printed_as_it_is(sh: Shell, attacked: list[str]) -> None:
    assert "[red]x[/red] [/foo] [@click=app.quit]y[/] :boom:" in sh.ok("jobs", "-o", "table")


def test_lines_of_a_table_stay_one_line_a_job(sh: Shell, attacked: list[str]) -> None:
    table = sh.ok("jobs", "-o", "wide").splitlines()
    assert len([line for line in table if line.startswith("emails/")]) == len(attacked)
    assert max(map(len, table)) < 1_500


@pytest.mark.parametrize(
    "args",
    [
        ["{}"],
        ["enqueue", "{}"],
        ["enqueue", "t", "{}"],
        ["enqueue", "t", "-q", "{}"],
        ["enqueue", "t", "--payload", "@{}"],
        ["enqueue", "t", "--in", "{}"],
        ["inspect", "{}"],
        ["inspect", "{}/n1-0"],
        ["jobs", "-q", "{}"],
        ["jobs", "-o", "{}"],
        ["jobs", "--filter", "{}"],
        ["jobs", "--filter", "{}>1"],
        ["jobs", "--cursor", "{}"],
        ["jobs", "-P", "{}"],
        ["jobs", "--json", "{}"],
        ["jobs", "--{}"],
        ["retry", "-", "--rate", "{}"],
        ["queue", "{}"],
    ],
)
def test_errors_about_hostile_arguments_are_safe_too(sh: Shell, args: list[str]) -> None:
    attack = "".join(ATTACKS.values()).replace("\x00", "")[:20_000].replace("=", "")
    done = sh(*(arg.replace("{}", attack) for arg in args))
    assert done.returncode not in (0, 1)
    assert "Traceback" not in done.stderr
    assert CONTROL.search(done.stdout + done.stderr) is None
    assert len(done.stderr) < 5_000


def test_hostile_lines_in_a_stream_are_answered_safely(sh: Shell) -> None:
    stdin = "\n".join(text.replace("\n", " ") for text in ATTACKS.values())
    for args in (["enqueue", "t", "-"], ["enqueue", "-"], ["retry", "-"], ["inspect", "-"]):
        done = sh(*args, stdin=stdin)
        assert done.returncode == 2 or args[0] == "inspect"
        assert CONTROL.search(done.stdout + done.stderr) is None, args
