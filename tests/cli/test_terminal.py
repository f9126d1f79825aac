"""On a terminal: tables, questions before destruction, and no more than is asked for."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.cli.conftest import Bury, Shell
from tests.processes import environment, taskq_command

Typed = Sequence[tuple[str, str]]


class OnTerminal(Protocol):
    """Runs a command on a terminal: its exit code, and all that stood there."""

    def __call__(self, *args: str, typed: Typed = ()) -> tuple[int, str]: ...


@pytest.fixture
def on_terminal(sh: Shell, tmp_path: Path) -> OnTerminal:
    """Runs a command on a pseudo terminal and types answers when their question stands there."""

    def run(*args: str, typed: Typed = ()) -> tuple[int, str]:
        master, slave = pty.openpty()
        env = environment(tmp_path / "home", sh.server.url, TERM="xterm-256color", COLUMNS="120", LINES="40")
        # its own session, so that control-C reaches it as from a keyboard
        process = subprocess.Popen(
            [*taskq_command(), *args], env=env, cwd=tmp_path, preexec_fn=lambda: os.login_tty(slave)
        )
        os.close(slave)
        shown = _converse(master, list(typed))
        code = process.wait(20)  # before the terminal goes: that would send it a hangup
        os.close(master)
        return code, shown

    return run


def _converse(master: int, typed: list[tuple[str, str]]) -> str:
    shown, end = "", time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not data:
            break
        shown += data.decode(errors="replace")
        if typed and typed[0][0] in shown:
            os.write(master, f"{typed.pop(0)[1]}\n".encode())
    return shown


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_list_is_a_table(sh: Shell, on_terminal: OnTerminal, bury: Bury) -> None:
    (ref,) = bury(error="mailbox is full")
    code, shown = on_terminal("jobs")
    assert code == 0
    assert re.search(r"ID +STATE +TASK", plain(shown))
    assert ref in plain(shown)
    code, shown = on_terminal("inspect", ref)
    assert "state        dead" in plain(shown)


def test_a_reference_is_printed_alone(on_terminal: OnTerminal) -> None:
    code, shown = on_terminal("enqueue", "t", "-q", "emails")
    assert code == 0
    assert re.fullmatch(r"emails/n\d+-\d+\r\n", shown)


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 5, 1), ("", 5, 1)])
def test_a_destructive_verb_asks(
    sh: Shell, on_terminal: OnTerminal, answer: str, code: int, left: int
) -> None:
    ref = sh.ok("enqueue", "t").strip()
    ended, shown = on_terminal("cancel", ref, typed=[("[y/N]", answer)])
    assert ended == code, shown
    assert f"Cancel {ref}?" in shown
    assert len(sh.records("jobs")) == (0 if code == 0 else 1)


def test_yes_answers_the_question(sh: Shell, on_terminal: OnTerminal) -> None:
    ref = sh.ok("enqueue", "t").strip()
    code, shown = on_terminal("cancel", ref, "--yes")
    assert code == 0
    assert "?" not in shown


@pytest.mark.parametrize(("answer", "code"), [("emails", 0), ("y", 5)])
def test_a_purge_wants_the_queue_typed(sh: Shell, on_terminal: OnTerminal, answer: str, code: int) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    ended, shown = on_terminal("purge", "emails", "--state", "ready", "--yes", typed=[("to go on:", answer)])
    assert ended == code, shown
    assert len(sh.records("jobs")) == (0 if code == 0 else 1)


def test_a_protected_profile_wants_its_name_typed(sh: Shell, on_terminal: OnTerminal, tmp_path: Path) -> None:
    ref = sh.ok("enqueue", "t").strip()
    (tmp_path / "taskq.toml").write_text(f'[profiles.prod]\nurl = "{sh.server.url}"\nprotected = true')
    code, _ = on_terminal("cancel", ref, "--yes", "-P", "prod", typed=[("to go on:", "prod")])
    assert code == 0
    assert sh.records("jobs") == []


def test_control_c_at_a_question_changes_nothing(sh: Shell, on_terminal: OnTerminal) -> None:
    ref = sh.ok("enqueue", "t").strip()
    code, shown = on_terminal("cancel", ref, typed=[("[y/N]", "\x03")])
    assert code == 130, shown
    assert len(sh.records("jobs")) == 1
