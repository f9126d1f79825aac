from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from taskq_cli.top.keymap import SCREENS
from taskq_core import Client
from tests.conftest import Taskq
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.top.test_record import written
from tests.top.world import ticks
from tests.waiting import wait_until


@pytest.fixture
def busy(any_server: Server) -> Server:
    """A server with seven jobs that nobody serves."""
    with Client(any_server.url) as client:
        _ = client.enqueue_many("emails", "send-email", [{"n": n} for n in range(7)])
    return any_server


# -- one picture -----------------------------------------------------------------------------------------


def test_once_prints_the_overview_as_text(taskq: Taskq, busy: Server) -> None:
    done = taskq("top", "--once", url=busy.url)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "7 jobs wait and no worker serves it" in done.stdout
    assert "\x1b" not in done.stdout


def test_once_prints_any_screen(taskq: Taskq, busy: Server) -> None:
    assert "commands/s" in taskq("top", "--once=9", url=busy.url).stdout


def test_once_is_as_wide_as_it_is_told(taskq: Taskq, busy: Server) -> None:
    slim = taskq("top", "--once=queues", url=busy.url, COLUMNS="80", LINES="24").stdout
    assert "emails" in slim
    assert max(map(len, slim.splitlines())) <= 80


def test_once_prints_all_it_knows_as_json(taskq: Taskq, busy: Server) -> None:
    done = taskq("top", "--once", "-o", "json", url=busy.url)
    record: dict[str, Any] = json.loads(done.stdout)
    assert record["schema"] == "taskq.top/1"
    assert [(queue["queue"], queue["ready"]) for queue in record["queues"]] == [("emails", 7)]
    worst = record["findings"][0]
    assert (worst["severity"], worst["queue"]) == ("problem", "emails")
    assert worst["text"] == "7 jobs wait and no worker serves it"
    assert worst["screen"] in [name for name, _ in SCREENS]
    assert record["server"]["kind"] in ("valkey", "redis")
    assert record["workers"] == record["failures"] == []


def test_once_prints_a_picture(taskq: Taskq, busy: Server) -> None:
    done = taskq("top", "--once", "-o", "svg", url=busy.url, COLUMNS="80", LINES="24")
    picture = ElementTree.fromstring(done.stdout)
    assert picture.tag.endswith("svg")
    assert "emails" in "".join(picture.itertext())


def test_once_of_a_recording_is_its_end_and_asks_no_server(taskq: Taskq, tmp_path: Path) -> None:
    path = written(tmp_path / "night.ndjson", ticks(30))
    done = taskq("top", "--once", "--replay", str(path), "-o", "json", url="redis://localhost:1")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert len(record["workers"]) == 5
    assert record["at"] == "2026-01-05T12:05:00.000Z"


def test_a_glob_limits_what_is_seen(taskq: Taskq, busy: Server) -> None:
    with Client(busy.url) as client:
        _ = client.enqueue("billing", "charge", {})
    record = json.loads(taskq("top", "--once", "-o", "json", "-q", "bill*", url=busy.url).stdout)
    assert [queue["queue"] for queue in record["queues"]] == ["billing"]


# -- what cannot be ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([], 2, "taskq top --once"),
        (["-o", "json"], 2, "-o goes with --once"),
        (["--once", "-o", "table"], 2, "text, json or svg"),
        (["--once", "--json", "queue"], 2, "text, json or svg"),
        (["--once=nowhere"], 2, "overview, queues"),
        (["--once", "--theme", "blink"], 2, "colour-blind-dark"),
        (["--once", "--interval", "1ms"], 2, "between 200ms and 1h"),
        (["--once", "--record", "x.ndjson"], 2, "goes with the live view"),
        (["--once", "--replay", "nowhere.ndjson"], 2, "cannot read"),
        (["--once", "--replay", "x.ndjson", "-q", "a"], 2, "shows all of a recording"),
        (["--once", "--url", "redis://localhost:1"], 3, "localhost:1"),
    ],
)
def test_what_cannot_be_is_told(args: list[str], code: int, words: str, taskq: Taskq) -> None:
    done = taskq("top", *args, url="redis://localhost:1")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("theme = 'blink'", "no theme 'blink'"),
        ("interval = 'soon'", "top.interval"),
        ("colour = 'red'", "unknown key 'top.colour'"),
        ("keys = {pauze = 'x'}", "no key named 'pauze'"),
        ("keys = {help = 'j'}", "given to both"),
    ],
)
def test_a_configuration_that_cannot_be_is_told(
    line: str, words: str, taskq: Taskq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _ = (tmp_path / "taskq.toml").write_text(f"[top]\n{line}\n")
    done = taskq("top", "--once", url="redis://localhost:1")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr


# -- in a terminal ----------------------------------------------------------------------------------------


class Terminal:
    """`taskq top` on a terminal of 100 columns and 30 lines."""

    def __init__(self, home: Path, folder: Path, *args: str, url: str) -> None:
        self.master, slave = pty.openpty()
        env = environment(home, url, TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="100", LINES="30")
        self.process = subprocess.Popen(
            [*taskq_command(), "top", *args], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self.master, False)
        self.output = b""

    def read(self) -> bytes:
        """All that was written so far."""
        try:
            while chunk := os.read(self.master, 65_536):
                self.output += chunk
        except (BlockingIOError, OSError):
            time.sleep(0.02)
        return self.output

    def until(self, words: bytes) -> None:
        """Waits for words."""
        _ = wait_until(lambda: words in self.read(), 20.0, f"{words!r}")

    def end(self) -> int:
        """Waits for the end; what is still written is read, so that it can end."""
        _ = wait_until(lambda: self.read() and self.process.poll() is not None, 15.0, "the end")
        os.close(self.master)
        return self.process.returncode


def test_sigterm_ends_it_with_the_terminal_as_it_was(busy: Server, clean_home: Path, tmp_path: Path) -> None:
    terminal = Terminal(clean_home, tmp_path, url=busy.url)
    terminal.until(b"no worker serves it")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 143
    assert b"\x1b[?1049l" in terminal.output  # the screen from before is back
    assert b"\x1b[?25h" in terminal.output  # and its cursor


def test_it_records_while_it_is_watched(busy: Server, clean_home: Path, tmp_path: Path) -> None:
    terminal = Terminal(clean_home, tmp_path, "--record", "night.ndjson", "--interval", "200ms", url=busy.url)
    terminal.until(b"no worker serves it")
    path = tmp_path / "night.ndjson"
    _ = wait_until(lambda: path.read_text().count('"taskq.frame/1"') >= 3)
    os.write(terminal.master, b"q")
    assert terminal.end() == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"schema": "taskq.recording/1", "label": "local:default"}
    queues = [line for line in lines if line["schema"] == "taskq.queue/1"]
    assert {(line["queue"], line["ready"]) for line in queues} == {("emails", 7)}


def test_keys_interval_and_theme_come_from_the_configuration(
    busy: Server, clean_home: Path, tmp_path: Path
) -> None:
    _ = (tmp_path / "taskq.toml").write_text(
        "[top]\ntheme = 'colour-blind-light'\ninterval = '2s'\nkeys = {quit = 'x'}\n"
    )
    terminal = Terminal(clean_home, tmp_path, url=busy.url)
    terminal.until(b"live 2")
    assert b"48;2;250;250;250" in terminal.output  # the ground of that theme
    os.write(terminal.master, b"x")
    assert terminal.end() == 0
