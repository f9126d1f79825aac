"""Completion, asked by the shells themselves: names come from the server, and nothing is said on failure."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskq_cli.complete.answer import candidates
from tests.cli.conftest import Shell
from tests.conftest import Spawn, Taskq
from tests.processes import ROOT, environment, taskq_command, with_command
from tests.servers import missing
from tests.waiting import NotInTime, wait_until

SHELLS = ("bash", "zsh", "fish")
WORKER = """
from taskq_core import TaskQueue
queue = TaskQueue("emails")
queue.process("send-email")(print)
queue.process("send-invoice")(print)
"""


def need(shell: str) -> str:
    return shutil.which(shell) or missing(f"{shell} is not installed")


@pytest.fixture
def env(sh: Shell, clean_home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which `taskq` is a command, and two queues are known."""
    with sh.client() as client:
        for queue in ("emails", "events", "images"):
            client.enqueue(queue, "t", {})
    return with_command(environment(clean_home, sh.server.url, TERM="xterm"), tmp_path / "bin")


PREPARED = {
    "bash": "source <(taskq completion bash)\n",
    "fish": "taskq completion fish | source\n",
    # the function that shows candidates works only while a key is handled
    "zsh": "compdef() { :; }\ncompadd() { while [[ $1 != -- ]]; do shift; done; print -rl $@ }\n"
    "source <(taskq completion zsh)\n",
}
BETWEEN = "-- next --"


def ask(shell: str, env: dict[str, str], *lines: list[str]) -> list[list[str]]:
    """What one shell would offer for the last word of each line, without the descriptions."""
    program = need(shell)
    asked = [PREPARED[shell] + _question(shell, lines[0])]
    asked += [f'echo "{BETWEEN}"\n{_question(shell, words)}' for words in lines[1:]]
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [program, *options, "-c", "\n".join(asked)], env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    answers = done.stdout.split(f"{BETWEEN}\n")
    return [_matching(words, answer) for words, answer in zip(lines, answers, strict=True)]


def ask_until_answered(shell: str, env: dict[str, str], *lines: list[str]) -> list[list[str]]:
    """The same on a busy machine, where a server may need more than the tenth of a second names are given."""

    def answers() -> list[list[str]]:
        found = ask(shell, env, *lines)
        return found if all(found) else []

    return wait_until(answers, 60, "an answer to each line")


def _question(shell: str, words: list[str]) -> str:
    line = shlex.join(words[:-1]) + " " + words[-1]
    return {
        "bash": f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; COMPREPLY=()\n"
        '_taskq_completion taskq\nprintf "%s\\n" "${COMPREPLY[@]}"',
        "fish": f"complete -C {shlex.quote(line)}",
        "zsh": f"words=({shlex.join(words)}); CURRENT={len(words)}; _taskq",
    }[shell]


def _matching(words: list[str], answer: str) -> list[str]:
    found = [line.partition("\t")[0] for line in answer.splitlines()]
    return [word for word in found if word.startswith(words[-1].rpartition("=")[2])]


OFFERS = [
    (["jobs", "-q", "e"], ["emails", "events"]),
    (["queue", "pause", ""], ["emails", "events", "images"]),
    (["queue", "pa"], ["pause"]),
    (["ins"], ["inspect"]),
    (["jobs", "--state", "ready,"], ["ready,scheduled", "ready,running", "ready,dead"]),
    (["jobs", "-o", "nd"], ["ndjson"]),
    (["jobs", "--lim"], ["--limit"]),
    (["enqueue", "t", "-p", "c"], ["critical"]),
    (["completion", "f"], ["fish"]),
]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_what_may_stand_there(shell: str, env: dict[str, str]) -> None:
    offered = ask_until_answered(shell, env, *(["taskq", *words] for words, _ in OFFERS))
    assert [(words, found) for (words, _), found in zip(OFFERS, offered, strict=True)] == OFFERS


@pytest.mark.parametrize("shell", SHELLS)
def test_tasks_are_those_of_live_workers(
    shell: str, env: dict[str, str], sh: Shell, spawn: Spawn, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(WORKER)
    spawn([*taskq_command(), "worker", "shop:queue"], sh.server.url)
    wait_until(lambda: sh.client().workers("emails"), 30, "a worker")

    offered = ask_until_answered(shell, env, ["taskq", "enqueue", "send-"])
    assert offered == [["send-email", "send-invoice"]]


@pytest.mark.parametrize("shell", SHELLS)
def test_profiles_come_from_the_files_and_name_a_server(
    shell: str, env: dict[str, str], sh: Shell, clean_home: Path
) -> None:
    folder = clean_home / "config" / "taskq"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'[profiles.prod]\nurl = "{sh.server.url}"\n[profiles.preview]\n')
    env.pop("TASKQ_REDIS_URL")

    lines = ["taskq", "jobs", "-P", "pr"], ["taskq", "jobs", "-P", "prod", "-q", "im"]
    assert ask_until_answered(shell, env, *lines) == [["preview", "prod"], ["images"]]


class Keyboard:
    """A shell on a terminal, typed at as a user does."""

    def __init__(self, shell: str, env: dict[str, str]) -> None:
        options = {"bash": ["--norc", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}[shell]
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [need(shell), *options], env=env, preexec_fn=lambda: os.login_tty(slave)
        )
        os.close(slave)

    def shows(self, expected: str, keys: str, timeout: float = 15.0) -> bool:
        """Whether the text stands there once the keys are typed. A terminal's question is not answered."""
        os.write(self._master, keys.encode())
        shown, end = "", time.monotonic() + timeout
        while expected not in shown:
            if time.monotonic() > end:
                raise NotInTime(f"no {expected!r} in {shown!r}")
            if select.select([self._master], [], [], 0.1)[0]:
                shown += os.read(self._master, 65536).decode(errors="replace")
        return True

    def close(self) -> None:
        """Ends the shell."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def keyboard(request: pytest.FixtureRequest, env: dict[str, str]) -> Iterator[Keyboard]:
    """A shell on a terminal."""
    found = Keyboard(request.param, env)
    yield found
    found.close()


PREPARE = {
    "bash": "source <(taskq completion bash); echo rea''dy\n",
    "zsh": "autoload -Uz compinit; compinit -u; source <(taskq completion zsh); print rea''dy\n",
}


@pytest.mark.parametrize(
    ("keyboard", "shell"), [("bash", "bash"), ("zsh", "zsh")], indirect=["keyboard"], ids=["bash", "zsh"]
)
def test_the_tab_key_completes_a_queue(keyboard: Keyboard, shell: str) -> None:
    assert keyboard.shows("ready", PREPARE[shell])
    assert keyboard.shows("ages", "taskq jobs --queue=im\t")
    assert keyboard.shows("se", "\x15taskq queue pau\t")


@pytest.mark.parametrize("words", [["jobs", "-q", ""], ["enqueue", ""]])
def test_a_server_that_hangs_is_not_waited_for(sh: Shell, taskq: Taskq, words: list[str]) -> None:
    with sh.server.frozen():
        before = time.monotonic()
        done = taskq(*words, url=sh.server.url, _TASKQ_COMPLETE="zsh")
        took = time.monotonic() - before

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert took < 5


def test_the_local_server_is_not_started(taskq: Taskq, clean_home: Path) -> None:
    done = taskq("jobs", "-q", "", _TASKQ_COMPLETE="bash")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (clean_home / "state").exists()


@pytest.mark.parametrize("broken", ["url = ", "url = 3", "profiles = 3"])
def test_a_broken_file_is_met_with_silence(sh: Shell, tmp_path: Path, broken: str) -> None:
    (tmp_path / "taskq.toml").write_text(broken)
    done = sh("jobs", "-P", "", _TASKQ_COMPLETE="fish")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.foreign_keys
def test_names_that_are_none_of_ours_are_not_offered(sh: Shell) -> None:
    sh.server.raw.sadd("taskq:default:queues", b"\x1b[31mqueue", b"two words", b"$(touch x)", b"emails")

    assert sh("jobs", "-q", "", _TASKQ_COMPLETE="bash").stdout == "emails\n"


def test_a_password_and_a_database_of_the_url_are_used(sh: Shell) -> None:
    with sh.server.configured(requirepass="s3cret"):
        sh.server.raw.execute_command("AUTH", "s3cret")
        url = f"redis://:s3cret@127.0.0.1:{sh.server.port}/2"
        assert sh("enqueue", "t", "-q", "other", "--url", url).returncode == 0
        assert sh("jobs", "--url", url, "-q", "", _TASKQ_COMPLETE="bash").stdout == "other\n"
        assert sh("jobs", "-q", "", _TASKQ_COMPLETE="bash").stdout == ""


def test_completing_loads_neither_redis_nor_pydantic(sh: Shell) -> None:
    env = environment(ROOT, sh.server.url, _TASKQ_COMPLETE="bash")
    program = [sys.executable, "-X", "importtime", "-m", "taskq_cli", "jobs", "-q", ""]
    said = subprocess.run(program, env=env, capture_output=True, text=True, check=True).stderr

    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines()}
    assert "taskq_cli" in loaded
    assert loaded.isdisjoint({"redis", "pydantic", "rich", "textual", "asyncio"})


def test_files_are_offered_for_a_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "job.json").touch()
    (tmp_path / ".hidden").touch()

    def offered(word: str) -> list[str]:
        return [value for value, _ in candidates(["enqueue", "t", "--payload", word])]

    assert offered("@fo") == ["@folder/"]
    assert offered("@folder/") == ["@folder/job.json"]


def test_every_command_offers_its_options() -> None:
    from taskq_cli.lazy import COMMANDS

    for name in COMMANDS:
        offered = [value for value, _ in candidates([name, ""])] + [
            value for value, _ in candidates([name, "-"])
        ]
        assert "--help" in offered, name
