"""Hostile payloads and arguments: shown as what they are. What each command prints: test_attack_corpus.py."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys

import pytest

from taskq_cli.logs import SafeFormatter
from taskq_cli.render import SeparatedWriter
from taskq_cli.views import View
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


FORMULAS = ["=1+1", "=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(1)", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_of_csv_is_no_formula(capsys: pytest.CaptureFixture[str], text: str) -> None:
    view = View("x/1", ("text", "list", "error", "number"), ("text", "list", "error", "number"))
    error = {"type": text, "message": "x"}
    SeparatedWriter(view, comma=True).write({"text": text, "list": [text], "error": error, "number": -1.5})
    (_, row) = csv.reader(io.StringIO(capsys.readouterr().out))
    assert row == [f"'{text}", f"'{text}", f"'{text}: x", "-1.5"]

    SeparatedWriter(view, comma=False).write({"text": text, "list": [text], "error": error, "number": -1.5})
    assert capsys.readouterr().out == f"{text}\t{text}\t{text}: x\t-1.5\n"


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", "\n=1+1"])
def test_a_blank_does_not_make_a_formula_of_a_cell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    SeparatedWriter(View("x/1", ("a",), ("a",)), comma=True).write({"a": text})
    assert capsys.readouterr().out.splitlines()[1].startswith("\\")


def test_a_task_that_is_named_like_a_formula_is_quoted_in_csv(sh: Shell) -> None:
    sh.client().enqueue("emails", "t", {})
    sh.server.raw.xadd("taskq:{default/emails}:n", {"=cmd|'/c calc'!A0": "{}"})
    rows = list(csv.reader(io.StringIO(sh.ok("jobs", "--json", "task", "-o", "csv"))))
    assert ["'=cmd|'/c calc'!A0"] in rows
    sh.server.raw.flushall()


@pytest.mark.parametrize("name", ATTACKS)
def test_no_log_line_holds_what_a_terminal_would_obey(name: str) -> None:
    try:
        raise ValueError(ATTACKS[name])
    except ValueError:
        record = logging.LogRecord("taskq", 40, "f", 1, "job %s failed", (ATTACKS[name],), sys.exc_info())
    lines = SafeFormatter().format(record).split("\n")
    assert "job " in lines[0]
    assert lines[1].startswith("Traceback")
    assert [found for line in lines if (found := CONTROL.search(line))] == []
