"""`taskq wait` and `taskq enqueue --wait`: they return when jobs have ended, and say how."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.awaited import EVER_S, KEPT_LATER, cancel, later, purge
from tests.cli.conftest import Bury, Shell
from tests.conftest import NewServer, Spawn, Taskq
from tests.processes import environment, taskq_command
from tests.waiting import wait_until

# -- how jobs end -------------------------------------------------------------------------------


def test_a_time_out_says_how_many_are_pending(sh: Shell) -> None:
    gone, *pending = later(sh, count=3)
    purge(sh, gone)
    began = time.monotonic()
    done = sh("wait", gone, *pending, "--timeout", "300ms")
    assert 0.3 <= time.monotonic() - began < 10
    assert done.returncode == 8
    assert done.stdout == f"{gone} ended\n"
    assert "2 jobs are still pending after 300ms" in done.stderr


def test_a_time_out_of_nothing_looks_once(sh: Shell) -> None:
    gone, pending = later(sh, count=2)
    purge(sh, gone)
    assert sh("wait", gone, "--timeout", "0s").returncode == 0
    assert sh("wait", pending, "--timeout", "0s").returncode == 8


def test_a_time_out_ends_a_stream_that_goes_on(sh: Shell, spawn: Spawn, clean_home: Path) -> None:
    process = subprocess.Popen(
        [*taskq_command(), "wait", "-", "--timeout", "500ms"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(clean_home, sh.server.url), text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(later(sh)[0] + "\n")
    process.stdin.flush()
    assert process.wait(EVER_S) == 8
    assert "1 job is still pending" in process.stderr.read()
    process.stdin.close()
    process.stderr.close()


def test_a_dead_job_is_exit_code_7(sh: Shell, bury: Bury) -> None:
    (ref,) = bury(error="no such user \x1b[31m")
    done = sh("wait", ref)
    assert (done.returncode, done.stdout) == (7, f"{ref} dead\n")
    assert "died of ValueError: no such user \\x1b[31m" in done.stderr


def test_a_cancelled_job_is_exit_code_7_where_its_outcome_is_kept_and_else_has_ended(sh: Shell) -> None:
    (kept,), (plain,) = later(sh, KEPT_LATER), later(sh)
    cancel(sh, kept, plain)
    assert (sh("wait", kept).returncode, sh("wait", plain).returncode) == (7, 0)
    assert sh("wait", kept, plain).stdout == f"{kept} cancelled\n{plain} ended\n"


def test_any_ends_with_the_first(sh: Shell, bury: Bury) -> None:
    pending, gone, other = later(sh, count=3)
    purge(sh, gone, other)
    done = sh("wait", pending, gone, other, "--any")
    assert (done.returncode, done.stdout) == (0, f"{gone} ended\n")
    (dead,) = bury()
    assert sh("wait", pending, dead, "--any").returncode == 7
    assert sh("wait", pending, "--any", "--timeout", "0s").returncode == 8


def test_any_ends_though_more_might_be_named(sh: Shell, spawn: Spawn, tmp_path: Path) -> None:
    gone, pending = later(sh, count=2)
    purge(sh, gone)
    os.mkfifo(tmp_path / "refs")
    waiting = spawn(["bash", "-c", f"{shlex.join(taskq_command())} wait - --any < refs"], sh.server.url)
    with (tmp_path / "refs").open("w") as refs:
        refs.write(f"{pending}\n{gone}\n")
        refs.flush()
        assert waiting.wait(EVER_S) == 0
    assert waiting.stdout == f"{gone} ended\n"


def test_jobs_of_a_stream_are_reported_while_it_is_open(sh: Shell, spawn: Spawn, tmp_path: Path) -> None:
    first, second = later(sh, count=2)
    os.mkfifo(tmp_path / "refs")
    waiting = spawn(["bash", "-c", f"{shlex.join(taskq_command())} wait - < refs"], sh.server.url)
    with (tmp_path / "refs").open("w") as refs:
        refs.write(f"{first}\n")
        refs.flush()
        purge(sh, first)
        wait_until(lambda: waiting.stdout == f"{first} ended\n", what="the first line")
        refs.write(f"{second}\n")
    assert waiting.running
    purge(sh, second)
    assert waiting.wait(EVER_S) == 0
    assert waiting.stdout == f"{first} ended\n{second} ended\n"


# -- what is named ------------------------------------------------------------------------------


def test_an_id_that_was_never_made_is_exit_code_4(sh: Shell) -> None:
    (gone,) = later(sh)
    purge(sh, gone)
    done = sh("wait", "emails/n9999999999999-0")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no job emails/n9999999999999-0" in done.stderr
    assert sh("wait", "nowhere/n1-0").returncode == 4
    assert sh("wait", "emails/n9999999999999-0", gone).returncode == 6


def test_names_are_checked_before_anything_is_awaited(sh: Shell) -> None:
    assert sh("wait").returncode == 2
    assert sh("wait", "nonsense").returncode == 2
    assert sh("wait", "emails/nonsense").returncode == 2
    assert sh("wait", "-q", "emails", "n1-0").returncode == 4


@pytest.mark.parametrize("format_", ["name", "tsv", "csv", "json", "ndjson"])
def test_it_reads_what_other_commands_print(sh: Shell, format_: str) -> None:
    refs = later(sh, count=3)
    listed = sh.ok("jobs", "-q", "emails", "-o", format_)
    purge(sh, *refs)
    done = sh("wait", "-", stdin=listed)
    assert done.returncode == 0, done.stderr
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(refs)


def test_a_line_that_enqueue_refused_counts_as_a_failure(sh: Shell) -> None:
    (gone,) = later(sh)
    purge(sh, gone)
    wrong = '{"line":2,"error":"payload refused"}\n'
    done = sh("wait", "-", stdin=f"{gone}\n\n{wrong}")
    assert (done.returncode, done.stdout) == (6, f"{gone} ended\n")
    assert "line 3: it failed before" in done.stderr
    assert sh("wait", "-", stdin=wrong).returncode == 2


def test_records_come_in_every_format(sh: Shell) -> None:
    gone, other = later(sh, count=2)
    purge(sh, gone, other)
    assert sh.records("wait", gone) == [
        {"schema": "taskq.ended/1", "id": gone, "queue": "emails", "state": "ended"}
    ]
    assert [row["id"] for row in json.loads(sh.ok("wait", gone, other, "-o", "json"))] == [gone, other]
    assert sh.ok("wait", gone, "-o", "tsv") == f"{gone}\tended\n"
    assert sh.ok("wait", gone, "-o", "name") == f"{gone}\n"
    assert sh.ok("wait", gone, "--json", "state") == '[{"state":"ended"}]\n'
    assert gone in sh.ok("wait", gone, "-o", "table")


def test_quiet_leaves_the_errors(sh: Shell) -> None:
    gone, pending = later(sh, count=2)
    purge(sh, gone)
    assert sh("wait", gone, "--quiet").stderr == ""
    assert "still pending" in sh("wait", pending, "--timeout", "0s", "--quiet").stderr


# -- trouble ------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_exit_code_3_at_once_and_one_that_restarts_is_waited_for(
    taskq: Taskq, spawn: Spawn, new_server: NewServer
) -> None:
    server = new_server("valkey", aof=True)
    ref = taskq("enqueue", "send", "-q", "emails", "--in", "1h", url=server.url).stdout.strip()

    def calls() -> int:
        stats = server.raw.info("commandstats")
        return sum(stat["calls"] for name, stat in stats.items() if "evalsha" in name)

    before = calls()
    waiting = spawn([*taskq_command(), "wait", ref], server.url)
    # the first one may not know the script; with the third the command was answered before
    wait_until(lambda: calls() >= before + 3, what="the command to wait")
    server.kill()
    began = time.monotonic()
    assert taskq("wait", ref, url=server.url).returncode == 3
    assert time.monotonic() - began < 6
    assert waiting.running
    server.start()
    taskq("cancel", ref, "--yes", url=server.url)
    assert waiting.wait(EVER_S) == 0, waiting.stderr
    assert waiting.stdout == f"{ref} ended\n"


def test_memory_does_not_grow_with_a_stream(sh: Shell, tmp_path: Path, clean_home: Path) -> None:
    sh.ok("enqueue", "send", "-q", "emails")

    def memory_of(count: int) -> int:
        source = tmp_path / "refs"
        source.write_text("".join(f"emails/n1000000000000-{n}\n" for n in range(count)))
        with source.open("rb") as stdin, (tmp_path / "out").open("wb") as out:
            process = subprocess.Popen(
                [*taskq_command(), "wait", "-", "--quiet"], env=environment(clean_home, sh.server.url),
                stdin=stdin, stdout=out,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        assert len((tmp_path / "out").read_text().splitlines()) == count
        return usage.ru_maxrss

    assert memory_of(160_000) < memory_of(80_000) + 4_000
