"""No control byte comes out of any command, in any format, in a pipe or on a terminal, whatever others wrote.

Each command of the command line needs an entry here; a new one without fails a test.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from taskq_cli.options import FORMATS
from taskq_cli.reference import leaves
from tests.cli.hostile_world import ALL, QUEUE, HostileWorld
from tests.processes import ROOT
from tests.waiting import wait_until

CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]"
)
STYLE = re.compile(r"\x1b\[[0-9;]*m")
DRY = "--dry-run"
DONE, SAID = "«done»", "«said»"
ENTRIES: dict[str, list[str] | str] = {
    "enqueue": ["-", DRY],
    "worker": "prints what its handlers print; its own lines are covered by tests of the worker",
    "jobs": [],
    "inspect": ["-"],
    "failures": [],
    "retry": ["-", DRY],
    "cancel": ["-", DRY],
    "bury": ["-", DRY],
    "delete": ["-", DRY],
    "purge": [QUEUE, "--state", "dead", DRY],
    "queue ls": [],
    "queue show": [QUEUE],
    "queue pause": ["*", DRY],
    "queue resume": ["*", DRY],
    "queue drain": ["*", DRY],
    "queue set": [QUEUE, "--max-jobs", "5", DRY],
    "queue rm": [QUEUE, DRY],
    "group open": ["x", "t", "-q", "evil-of-no-name"],
    "group ls": [],
    "group show": [f"{QUEUE}/g"],
    "group seal": [f"{QUEUE}/g", DRY],
    "group finish": [f"{QUEUE}/g", DRY],
    "group rm": [f"{QUEUE}/g", DRY],
    "schedule add": ["x", "every 1h", "t", DRY],
    "schedule ls": [],
    "schedule show": ["*"],
    "schedule pause": ["*", DRY],
    "schedule resume": ["*", DRY],
    "schedule trigger": ["nothing-of-that-name"],
    "schedule rm": ["*", DRY],
    "schedule next": ["evil", "-n", "3"],
    "workers ls": [],
    "workers show": ["host:1"],
    "workers stop": ["--all", DRY],
    "wait": [DONE, "--timeout", "1s"],
    "result": [DONE],
    "logs": [SAID],
    "tail": "the test below follows it while jobs fail",
    "stats": [],
    "why": ["-"],
    "doctor": [],
    "health": [],
    "exporter": "serves numbers and names of queues, which are of a few characters",
    "metrics ls": "prints fixed texts",
    "metrics rules": [],
    "server start": "tells of the user's own server, which nobody else writes to",
    "server stop": "as `server start`",
    "server status": "as `server start`",
    "tenant acl": ["acme"],
    "tenant ls": [],
    "tenant set": ["emails", "acme", "--weight", "2"],
    "tenant pause": ["emails", "acme"],
    "tenant resume": ["emails", "acme"],
    "tenant purge": ["emails", "acme", DRY],
    "config show": "tells of the user's own files",
    "config path": "as `config show`",
    "config validate": "as `config show`",
    "config profiles": "as `config show`",
    "completion": "prints a fixed text",
    "export": [],
    "import": ["-", DRY],
    "top": ["--once"],
    "bench": "tells of its own jobs",
    "demo": "as `bench`",
}
MORE = [
    ["failures", "--group"],
    ["jobs", "--filter", "error.type~x"],
    ["why", QUEUE],
    ["result", "-"],
    ["enqueue", "t", "-", DRY],
]
OWN_FORMATS = {"top": ("text", "json"), "export": ("ndjson",)}
CASES = [[*path.split(), *entry] for path, entry in ENTRIES.items() if isinstance(entry, list)] + MORE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    """One world for all: nothing here changes it."""
    found = HostileWorld(tmp_path_factory.mktemp("hostile"))
    yield found
    found.close()


def test_every_command_has_an_entry() -> None:
    assert {path.removeprefix("taskq ") for path, _ in leaves()} == set(ENTRIES)


def line(world: HostileWorld, case: list[str]) -> tuple[list[str], str]:
    """The arguments, and what the command reads."""
    stand_ins = {DONE: world.done, SAID: world.said[:1]}
    words = [word for part in case for word in stand_ins.get(part, [part])]
    if case[0] == "enqueue":
        return words, world.line + "\n" + ALL.replace("\n", " ") + "\n"
    hostile = ALL.replace("\n", " ") + "\n"
    return words, "\n".join([*world.dead, *world.waiting, *world.done]) + "\n" + hostile


def formats(case: list[str]) -> tuple[str, ...]:
    return OWN_FORMATS.get(case[0], FORMATS)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_nothing_gets_through_in_a_pipe(world: HostileWorld, case: list[str]) -> None:
    words, stdin = line(world, case)
    for form in formats(case):
        done = world.many.run(*words, "-o", form, stdin=stdin if "-" in case else "")
        assert "Traceback" not in done.stderr, (form, done.stderr[-1500:])
        # a tab separates the columns of TSV
        shown = done.stdout if form == "tsv" else done.stdout.replace("\t", "\x09\x00")
        for text in (shown, done.stderr):
            found = CONTROL.search(text)
            assert found is None, (form, found, text[found.start() - 80 : found.end() + 20])


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_nothing_gets_through_on_a_terminal(world: HostileWorld, case: list[str]) -> None:
    words, stdin = line(world, case)
    for form in ([], ["-o", "wide"]) if case[0] not in OWN_FORMATS else ([],):
        done = world.many.run(*words, *form, stdin=stdin if "-" in case else "", tty=True)
        shown = STYLE.sub("", done.stdout).replace("\r\n", "\n")
        assert "Traceback" not in shown, shown[-1500:]
        found = CONTROL.search(shown)
        assert found is None, (form, found, shown[found.start() - 80 : found.end() + 20])


@pytest.mark.parametrize(("form", "tty"), [*((form, False) for form in FORMATS), ("table", True)])
def test_nothing_gets_through_while_jobs_are_followed(world: HostileWorld, form: str, tty: bool) -> None:
    jobs = [sys.executable, "-m", "tests.cli.hostile_world", world.server.url]
    before = world.client.snapshot(QUEUE).totals["done"]
    with subprocess.Popen(jobs, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        wait_until(lambda: world.client.snapshot(QUEUE).totals["done"] > before, 30, "jobs that end")
        done = world.many.run("tail", "--logs", "-o", form, tty=tty, seconds=3)
        running.kill()

    shown = STYLE.sub("", done.stdout).replace("\r\n", "\n")
    assert "send" in shown or form == "name"
    assert "owned" in shown or form == "name"
    assert CONTROL.search(shown + done.stderr) is None
    assert "Traceback" not in shown + done.stderr


def test_the_attacks_were_there(world: HostileWorld) -> None:
    shown = world.many.run("jobs", "-o", "wide", "--limit", "10000").stdout
    assert r"\x1b[2J" in shown
    assert r"\x1b[31mtask" in shown or r"\x9b" in shown
    assert r"\x1b" in world.many.run("workers", "ls", "-o", "csv").stdout
    assert "\\u001b" in world.many.run("result", world.done[0]).stdout
    told = world.many.run("logs", world.said[0])
    assert r"\x1b]0;owned" in told.stdout
    assert r"\x1b]0;owned" in told.stderr


def test_style_on_a_terminal_is_ours_alone(world: HostileWorld) -> None:
    """On a terminal without colours nothing may look like an escape at all."""
    for case in (["jobs"], ["inspect", *world.dead[:6]], ["workers", "ls"], ["failures"]):
        assert "\x1b" not in world.many.run(*case, tty=True).stdout
