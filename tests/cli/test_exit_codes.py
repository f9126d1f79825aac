"""Every exit code of the table, each by a real command that earns it."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from taskq_cli.exit_codes import ExitCode
from taskq_cli.reference import MEANINGS
from tests.cli.conftest import Bury, Shell
from tests.conftest import Spawn
from tests.processes import ROOT, environment, taskq_command
from tests.waiting import wait_until

GONE = "emails/n1-0"


def test_0_done(sh: Shell) -> None:
    assert sh("enqueue", "t").returncode == ExitCode.DONE


def test_1_failed(sh: Shell) -> None:
    # no server persists what it keeps: the finding of a problem
    assert sh("doctor").returncode == ExitCode.FAILED


@pytest.mark.parametrize(
    "args",
    [
        ["nope"],
        ["jobs", "--nope"],
        ["jobs", "-o", "xml"],
        ["enqueue"],
        ["enqueue", "t", "-q", "Not A Name"],
        ["jobs", "--url", "http://host"],
        ["jobs", "-P", "nowhere"],
        ["retry"],
    ],
    ids=" ".join,
)
def test_2_usage(sh: Shell, args: list[str]) -> None:
    done = sh(*args)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("taskq: error: ")


def test_3_unreachable(sh: Shell) -> None:
    for args in (["jobs"], ["health"], ["enqueue", "t"]):
        done = sh(*args, "--url", "redis://127.0.0.1:1")
        assert (done.returncode, done.stdout) == (ExitCode.UNREACHABLE, "")
        assert "127.0.0.1:1" in done.stderr


def test_4_not_found(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    for args in (["inspect", GONE], ["jobs", "-q", "nowhere"], ["retry", GONE], ["result", GONE]):
        assert sh(*args).returncode == ExitCode.NOT_FOUND, args


def test_5_refused(sh: Shell, bury: Bury) -> None:
    (dead,) = bury()
    sh.ok("enqueue", "t", "--unique", "k")
    sh.ok("enqueue", "t", "-q", "full")
    sh.ok("queue", "set", "full", "--max-jobs", "1")
    for args in (["delete", dead], ["enqueue", "t", "--unique", "k"], ["enqueue", "t", "-q", "full"]):
        assert sh(*args).returncode == ExitCode.REFUSED, args
    assert sh.records("jobs", "-q", "emails")[0]["id"] == dead


def test_6_partly(sh: Shell, bury: Bury) -> None:
    (dead,) = bury()
    done = sh("retry", "-", stdin=f"{dead}\n{GONE}\n")
    assert (done.returncode, done.stdout) == (ExitCode.PARTLY, f"{dead} retried\n")


def test_7_died(sh: Shell, bury: Bury) -> None:
    (dead,) = bury()
    assert sh("wait", dead).returncode == ExitCode.DIED


def test_8_pending(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t").strip()
    assert sh("wait", ref, "--timeout", "100ms").returncode == ExitCode.PENDING


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_130_and_143_say_which_signal(sh: Shell, spawn: Spawn, how: signal.Signals, code: ExitCode) -> None:
    sh.ok("enqueue", "t")
    program = spawn([*taskq_command(), "stats", "--watch=100ms", "-o", "ndjson"], sh.server.url)
    wait_until(lambda: program.stdout, what="a first record")
    program.send(how)
    assert program.wait() == code
    assert "Traceback" not in program.stderr


def test_141_a_closed_pipe_is_silent(sh: Shell) -> None:
    lines = "{}\n" * 20_000
    sh.ok("enqueue", "t", "-", stdin=lines)
    command = [*taskq_command(), "jobs", "-o", "ndjson", "--limit", "20000"]
    with subprocess.Popen(
        command, env=environment(ROOT, sh.server.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (ExitCode.CLOSED_PIPE, b"")


def test_every_code_has_a_test_here_and_a_meaning_in_the_reference() -> None:
    tests = re.findall(r"_(\d+)", " ".join(name for name in globals() if name.startswith("test_")))
    assert {int(number) for number in tests} == {int(code) for code in ExitCode}
    assert MEANINGS.keys() == set(ExitCode)


def test_no_code_is_one_that_xargs_or_the_shell_keep_for_themselves() -> None:
    assert not {int(code) for code in ExitCode} & {123, 124, 125, 126, 127, 255}
