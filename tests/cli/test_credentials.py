"""No command shows a password: not on stdout or stderr, in a log, a recording or an export, nor in `ps`.

Each command of the command line needs an entry here; a new one without fails a test.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskq_cli.reference import leaves
from taskq_core import holds_password
from tests.cli.many import Many
from tests.cli.world import APP
from tests.conftest import Spawn
from tests.processes import Program, environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

SECRET = "s3cret-Pa55"
WRONG = "wr0ng-s3cret-Pa55"
ID = "emails/n1763951707123-0"
LINES: dict[str, list[str]] = {
    "enqueue": ["t x=1 -q emails", "t - -q emails"],
    "worker": ["app.py -q emails --burst", "app.py -q emails --burst --processes 2"],
    "jobs": ["", "-o json"],
    "inspect": [ID],
    "failures": [""],
    "retry": [f"{ID} --yes"],
    "cancel": [f"{ID} --yes"],
    "bury": [f"{ID} --yes"],
    "delete": [f"{ID} --yes"],
    "purge": ["emails --state dead --confirm emails"],
    "queue ls": [""],
    "queue show": ["emails", "emails -o json"],
    "queue pause": ["nothing-*"],
    "queue resume": ["nothing-*"],
    "queue drain": ["nothing-*"],
    "queue set": ["emails --max-jobs 1000"],
    "queue rm": ["nothing"],
    "schedule add": ["nothing every_1h t -q emails"],
    "schedule ls": ["-o json"],
    "schedule show": ["nothing"],
    "schedule pause": ["nothing"],
    "schedule resume": ["nothing"],
    "schedule trigger": ["nothing"],
    "schedule rm": ["nothing --yes"],
    "schedule next": ["nothing"],
    "workers ls": ["-o wide"],
    "workers show": ["host:1"],
    "workers stop": ["--all --yes"],
    "wait": [f"{ID} --timeout 1s"],
    "result": [ID],
    "tail": ["-q nothing"],
    "stats": ["-o json"],
    "why": ["emails"],
    "doctor": ["", "-o json"],
    "health": ["-q emails"],
    "server start": ["--dry-run"],  # there is no such option: the user's own server is left alone
    "server stop": ["--dry-run"],
    "server status": ["-o json"],
    "logs": [ID],
    "group open": ["nothing -q emails"],
    "group ls": ["-o json"],
    "group show": ["emails/nothing"],
    "group seal": ["emails/nothing"],
    "group finish": ["emails/nothing --yes"],
    "group rm": ["emails/nothing --yes"],
    "tenant acl": ["acme", "acme --apply --yes"],
    "tenant ls": ["-o json"],
    "tenant set": ["emails acme --weight 2"],
    "tenant pause": ["emails acme"],
    "tenant resume": ["emails acme"],
    "tenant purge": ["emails acme --yes"],
    "exporter": ["--port 0"],
    "metrics ls": ["-o json"],
    "metrics rules": [""],
    "config show": ["--origin", "-o json"],
    "config path": [""],
    "config validate": [""],
    "config profiles": ["-o json"],
    "completion": ["bash"],
    "export": [""],
    "import": ["-"],
    "top": ["--once", "--once=server -o json"],
    "bench": ["--only enqueue --jobs 1000"],
    "demo": ["--seconds 1"],
}
CASES = [f"{path} {line}".strip() for path, lines in LINES.items() for line in lines]
NOWHERE = "127.0.0.1:1"
ENDLESS = ("tail", "exporter")
SLOW = ("bench", "demo")
"""What takes seconds on a server that answers: the test of arguments has them."""
UNREAD = ("server", "completion", "metrics", "exporter")
"""What does not open a session, or may not."""
SKIPPED = {"good, of redis-py": ("enqueue t x", "queue ls", "doctor", "top --once=s", "export")}
STRANGE = [
    "redis://ops:{}@127.0.0.1:1",
    "redis://127.0.0.1:1?username=ops&password={}",
    "rediss://ops:{}@127.0.0.1:1",
    "rediss://ops:{}@127.0.0.1:1?ssl_ca_certs=/nowhere",
    "unix://ops:{}@/nowhere/s",
    "unix:///nowhere/s?password={}",
    "redis+sentinel://ops:{0}@127.0.0.1:1,127.0.0.1:2/jobs?sentinel_user=w&sentinel_password={0}",
    "redis+cluster://ops:{}@127.0.0.1:1,127.0.0.1:2",
    "redis://ops:{}@127.0.0.1:port/0",
    "redis://ops:{}/@127.0.0.1:1/0",
    "redis://ops:{}#@127.0.0.1:1/0",
    "redis://ops:{}@127.0.0.1:1/zero",
    "redis://ops:{}@127.0.0.1:1/0?no_such_option=1",
    "redis+sentinel://ops:{}@127.0.0.1:1",
    "redis+cluster://ops:{}:127.0.0.1:1",
    "redis//ops:{}@127.0.0.1:1",
    "http://ops:{}@127.0.0.1:1",
    "ops:{}@127.0.0.1:1",
    "{}",
]


class Guarded:
    """A server that wants a password, and many commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "app.py").write_text(APP)
        self.server = Server("valkey", "--user", "ops", "on", f">{SECRET}", "~*", "&*", "+@all").start()
        self.many = Many(folder, environment(folder, TASKQ_TEST_DEADLINE_S="0.05", TERM="dumb"))
        self.places = {
            "good": f"redis://ops:{SECRET}@127.0.0.1:{self.server.port}",
            "good, of redis-py": f"redis://127.0.0.1:{self.server.port}?username=ops&password={SECRET}",
            "wrong": f"redis://ops:{WRONG}@127.0.0.1:{self.server.port}",
            "unreachable": f"redis://ops:{SECRET}@{NOWHERE}",
        }

    def check(self, line: str, *more: str) -> str:
        """Runs a command; what it said, without a secret."""
        seconds = 0.2 if line.startswith(ENDLESS) else 0
        done = self.many.run(*line.split(), *more, stdin="", seconds=seconds)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert SECRET not in said, said
        assert done.returncode != 0 or not done.stderr.count("error"), said
        return said

    def close(self) -> None:
        """Ends all."""
        self.many.close()
        self.server.remove()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One for all: nothing in it matters."""
    found = Guarded(tmp_path_factory.mktemp("guarded"))
    yield found
    found.close()


def test_every_command_has_an_entry() -> None:
    assert {path.removeprefix("taskq ") for path, _ in leaves()} - {"metrics"} <= set(LINES)


@pytest.mark.parametrize("line", CASES)
def test_no_command_shows_the_password_of_its_url(guarded: Guarded, line: str) -> None:
    for name, url in guarded.places.items():
        if name in SKIPPED and not line.startswith(SKIPPED[name]):
            continue
        if name == "good" and line.startswith(SLOW):
            continue
        said = guarded.check(line, "--url", url)
        assert line.startswith(UNREAD) or "can read the password in --url" in said
    for file in guarded.folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("url", STRANGE)
def test_no_url_that_leads_nowhere_is_repeated_with_its_password(guarded: Guarded, url: str) -> None:
    (guarded.folder / "taskq.toml").write_text(f'[profiles.p]\nurl = "{url.format(SECRET)}"\n')
    try:
        for line in ("queue ls", "config show --origin"):
            guarded.check(line, "--url", url.format(SECRET))
        for line in ("config profiles", "config validate"):
            guarded.check(line, "-P", "p")
    finally:
        (guarded.folder / "taskq.toml").unlink()


@pytest.mark.parametrize("word", [SECRET, f"url={SECRET}", f"[x]\nurl = '{SECRET}'", f"url = ['{SECRET}']"])
def test_a_configuration_that_cannot_be_right_is_not_repeated(guarded: Guarded, word: str) -> None:
    (guarded.folder / "taskq.toml").write_text(f"{word}\n")
    try:
        for line in ("config validate", "config show", "queue ls"):
            guarded.check(line)
    finally:
        (guarded.folder / "taskq.toml").unlink()


def test_recordings_and_exports_hold_no_password(guarded: Guarded) -> None:
    url = guarded.places["good"]
    guarded.check("enqueue send-email -q emails", "--url", url)
    guarded.check("top --once --record seen.ndjson", "--url", url)
    assert '"emails"' in guarded.many.run("export", "--url", url).stdout


def test_no_process_of_ours_has_the_password_in_its_arguments(guarded: Guarded, spawn: Spawn) -> None:
    url = guarded.places["good"]
    lines = {
        "worker": ["worker", str(guarded.folder / "app.py"), "-q", "emails", "--processes", "2"],
        "bench": ["bench", "--only", "delivery", "--jobs", "3000"],
        "demo": ["demo", "--seconds", "5"],
    }
    programs = {name: spawn([*taskq_command(), *words], url=url) for name, words in lines.items()}
    seen: dict[str, set[bytes]] = {}

    def all_seen() -> bool:
        for name, program in programs.items():
            seen.setdefault(name, set()).update(_arguments(program))
        # a child shows its parent's words until it runs its own
        return all(len({line.partition(b" ")[2] for line in lines} - {b""}) >= 2 for lines in seen.values())

    wait_until(all_seen, 30, "the children")
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        all_seen()
    assert [words for some in seen.values() for words in some if SECRET.encode() in words] == []
    for program in programs.values():
        assert SECRET not in program.stdout + program.stderr


def _arguments(program: Program) -> set[bytes]:
    """The command lines of a program's process group."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == program.pid:
                found.add(entry.name.encode() + b" " + (entry / "cmdline").read_bytes())
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.parametrize(
    ("url", "held"),
    [
        (f"redis://ops:{SECRET}@host", True), (f"redis://:{SECRET}@host", True), ("redis://ops@host", False),
        (f"redis://host?password={SECRET}", True), ("redis://host:6379/0", False), ("unix:///run/s", False),
        (f"redis+sentinel://a:1,b:2/jobs?sentinel_password={SECRET}", True), ("redis://[", False),
        (f"redis+cluster://ops:{SECRET}@a:1,b:2", True),
    ],
)  # fmt: skip
def test_a_url_with_a_password_is_told_from_one_without(url: str, held: bool) -> None:
    assert holds_password(url) is held
