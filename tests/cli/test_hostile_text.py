"""Hostile payloads and arguments: shown as what they are. What each command prints: test_attack_corpus.py."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Bury, Shell

ATTACKS = {
    "escape": "\x1b[2J\x1b[31m",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "link": "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b31m\x9d0;x\x9c",
    "bidi": "\u202egnp.exe \u2066x\u2069",
    "hidden": "a\u200bb\u200d\ufeff\u00ad",
    "lines": "one\r\ntwo\x0b\x0c\x85\u2028three",
    "markup": "[red]x[/red] [/foo] [@click=app.quit]y[/] :boom:",
    "zalgo": "z" + "\u0321\u0300\u0301" * 60,
    "delete": "\x7f\x00\x08",
    "tags": "\U000e0001\U000e0041",
    "megabyte": "A" * 200_000,
}
CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]"
)


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
