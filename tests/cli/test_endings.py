"""How commands end: exit codes, streams kept apart, closed pipes, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Bury, Shell
from tests.conftest import NewServer, Spawn, Taskq
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

NOWHERE = "unix:///nonexistent/taskq.sock"


@pytest.mark.parametrize(
    "args",
    [["enqueue", "t"], ["jobs"], ["queue", "ls"], ["stats"], ["inspect", "q/n1-0"], ["retry", "q/n1-0"]],
)
def test_a_server_that_is_away_is_exit_code_3(taskq: Taskq, args: list[str]) -> None:
    done = taskq(*args, url=NOWHERE)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "no answer from" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [[], ["--help"], ["jobs", "--help"], ["queue", "--help"], ["queue", "ls", "--help"], ["--version"]],
)
def test_help_and_version_need_no_server(taskq: Taskq, args: list[str]) -> None:
    done = taskq(*args, url=NOWHERE)
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["jobz"], "Did you mean `taskq jobs`?"),
        (["queue", "lss"], "Did you mean 'ls'?"),
        (["jobs", "--stat", "dead"], "--state"),
        (["jobs", "--limit", "0"], "--limit"),
        (["jobs", "--limit", "many"], "--limit"),
        (["jobs", "extra"], "extra"),
        (["queue"], "Missing command"),
        (["jobs", "--url", "http://localhost"], "redis://"),
        (["jobs", "--filter", "nonsense"], "no condition"),
        (["jobs", "--cursor", "nonsense"], "no cursor"),
        (["jobs", "--cursor", "q/ready/nonsense"], "cursor"),
        (["retry", "-", "--rate", "fast"], "no rate"),
        (["stats", "--watch=1ms"], "100ms"),
        (["jobs", "-o", "yaml"], "no output format"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_and_says_what_is_right(
    sh: Shell, args: list[str], words: str
) -> None:
    sh.ok("enqueue", "t", "-q", "q")
    done = sh(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_error_is_exit_code_2(sh: Shell, tmp_path: Path) -> None:
    (tmp_path / "taskq.toml").write_text("ulr = 'redis://x'")
    done = sh("jobs")
    assert done.returncode == 2
    assert "did you mean 'url'" in done.stderr


def test_a_read_only_profile_refuses_changes_and_shows(sh: Shell, tmp_path: Path) -> None:
    ref = sh.ok("enqueue", "t", "-q", "q").strip()
    (tmp_path / "taskq.toml").write_text(f'[profiles.prod]\nurl = "{sh.server.url}"\nread_only = true')
    assert ref in sh.ok("jobs", "-P", "prod")
    for args in (
        ["enqueue", "t"],
        ["enqueue", "t", "-"],
        ["retry", ref],
        ["cancel", ref, "--yes"],
        ["purge", "q", "--state", "ready", "--confirm", "q"],
        ["queue", "pause", "q"],
    ):
        done = sh(*args, "-P", "prod")
        assert done.returncode == 5, args
        assert "read-only" in done.stderr


def test_a_protected_profile_refuses_destruction_off_a_terminal(sh: Shell, tmp_path: Path) -> None:
    ref = sh.ok("enqueue", "t", "-q", "q").strip()
    (tmp_path / "taskq.toml").write_text(f'[profiles.prod]\nurl = "{sh.server.url}"\nprotected = true')
    assert sh("cancel", ref, "--yes", "-P", "prod").returncode == 5
    assert sh("purge", "q", "--state", "ready", "--confirm", "q", "-P", "prod").returncode == 5
    assert sh("retry", ref, "-P", "prod").returncode == 5  # not protected: it is ready already
    assert sh("queue", "pause", "q", "-P", "prod").returncode == 0


def test_a_full_server_refuses_jobs_and_names_its_limit(taskq: Taskq, new_server: NewServer) -> None:
    server = new_server("valkey")
    with server.configured(maxmemory="1"):
        done = taskq("enqueue", "t", url=server.url)
    assert done.returncode == 5
    assert "maxmemory" in done.stderr


@pytest.mark.foreign_keys
def test_a_key_of_another_type_is_a_failure_that_says_so(sh: Shell) -> None:
    sh.server.raw.set("taskq:{default/default}:n", "occupied")
    done = sh("enqueue", "t")
    assert done.returncode == 1
    assert "another type" in done.stderr


def test_an_old_server_is_a_failure_that_says_so(taskq: Taskq, new_server: NewServer) -> None:
    done = taskq("enqueue", "t", url=new_server("old").url)
    assert done.returncode == 1
    assert "too old" in done.stderr


def test_quiet_silences_narration_and_keeps_errors(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    assert sh("retry", ref, "--quiet").stderr == ""
    done = sh("retry", ref, "--quiet")
    assert done.returncode == 5
    assert "it is ready" in done.stderr


def test_narration_never_reaches_stdout(sh: Shell, bury: Bury) -> None:
    bury(*({"n": n} for n in range(3)))
    for args in (
        ["jobs", "--limit", "1"],
        ["retry", "-q", "emails", "--state", "dead"],
        ["enqueue", "t", "-"],
    ):
        done = sh(*args, "-o", "ndjson", stdin="{}\nbad\n")
        assert done.stderr.startswith("taskq: ")
        for line in done.stdout.splitlines():
            json.loads(line)


def test_a_failed_list_prints_no_empty_array(taskq: Taskq) -> None:
    assert taskq("jobs", "-o", "json", url=NOWHERE).stdout == ""


@pytest.mark.parametrize(
    ("redirection", "code", "words"), [(">/dev/full", 1, "No space left"), (">&-", 0, ""), ("<&-", 0, "")]
)
def test_a_full_disk_and_closed_streams_are_no_defects(
    sh: Shell, tmp_path: Path, redirection: str, code: int, words: str
) -> None:
    line = f"{' '.join(map(_quoted, taskq_command()))} enqueue t - {redirection}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment(tmp_path / "home", sh.server.url),
        input="{}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_next_page_does_not_tell_a_password(taskq: Taskq, any_server: Server) -> None:
    url = any_server.tcp_url.replace("//", "//:s3cret@")
    with any_server.configured(requirepass="s3cret"):
        taskq("enqueue", "t", "-", url=url, stdin="{}\n{}\n")
        done = taskq("jobs", "--limit", "1", "--url", url)
    any_server.raw.ping()
    assert "--cursor" in done.stderr
    assert "s3cret" not in done.stderr


# -- pipes and signals --------------------------------------------------------------------------


@pytest.fixture
def long_list(sh: Shell) -> Shell:
    """A server with more jobs than a pipe holds lines."""
    sh.ok("enqueue", "t", "-", stdin="{}\n" * 20_000)
    return sh


@pytest.mark.parametrize(
    "command",
    [
        "jobs --limit 20000",
        "jobs --limit 20000 -o table",
        "jobs --limit 20000 -o json",
        "retry -q default --state ready",
        "cancel -q default --state ready --yes",
    ],
)
def test_a_closed_pipe_is_silent(long_list: Shell, tmp_path: Path, command: str) -> None:
    line = f"{' '.join(map(_quoted, taskq_command()))} {command} --quiet | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment(tmp_path / "home", long_list.server.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    errors = [line for line in done.stderr.splitlines() if "not retried" not in line]
    assert errors == []
    code = done.stdout.splitlines()[-1]
    assert code == ("5" if command.startswith("retry") else "141")


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


@pytest.fixture
def open_stream(sh: Shell, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`taskq enqueue t -` whose input is still open, with one job sent."""
    process = subprocess.Popen(
        [*taskq_command(), "enqueue", "t", "-"],
        env=environment(tmp_path / "home", sh.server.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b'{"n":1}\n{"half')
    process.stdin.flush()
    yield process
    process.kill()
    process.communicate()


def test_ids_of_a_stream_come_while_it_is_still_open(open_stream: subprocess.Popen[bytes]) -> None:
    assert open_stream.stdout is not None
    assert open_stream.stdout.readline().startswith(b"default/n")
    assert open_stream.poll() is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_stream_with_its_code_and_an_account(
    open_stream: subprocess.Popen[bytes], number: signal.Signals, code: int
) -> None:
    assert open_stream.stdout is not None
    open_stream.stdout.readline()
    open_stream.send_signal(number)
    out, err = open_stream.communicate(timeout=10)
    assert open_stream.returncode == code
    assert out == b""
    assert err == b"taskq: 1 enqueued\n"


def test_every_id_that_was_sent_is_printed_when_a_stream_is_interrupted(sh: Shell, tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb") as source:
        source.write(b"{}\n" * 300_000)
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as sink:
        process = subprocess.Popen(
            [*taskq_command(), "enqueue", "t", "-"],
            env=environment(tmp_path / "home", sh.server.url),
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
        )
        wait_until(lambda: (tmp_path / "out").stat().st_size > 0, 20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    printed = (tmp_path / "out").read_text().splitlines()
    assert len(printed) == sh.client().snapshot("default").ready_total < 300_000


def test_a_server_that_dies_under_a_stream_leaves_every_line_answered(
    taskq: Taskq, new_server: NewServer, spawn: Spawn, tmp_path: Path
) -> None:
    server = new_server("valkey")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*taskq_command(), "enqueue", "t", "-"],
        env=environment(tmp_path / "home", server.url),
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(reader)
    os.write(writer, b"{}\n")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"default/n")
    server.kill()
    os.write(writer, b"{}\n{}\n")
    os.close(writer)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert [json.loads(line)["line"] for line in out.splitlines()] == [2, 3]
    assert b"no answer from" in err
