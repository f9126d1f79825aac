"""`taskq wait` in pipelines and `taskq enqueue --wait`, with real workers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from taskq_core import JobRef
from tests.cli.awaited import EVER_S, later, purge
from tests.cli.conftest import Bash, Shell
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.waiting import wait_until

# -- pipelines with real workers ----------------------------------------------------------------


@pytest.mark.usefixtures("working")
def test_a_stream_of_jobs_is_enqueued_and_awaited_in_one_pipeline(bash: Bash, tmp_path: Path) -> None:
    for name in ("a b.jpg", "c.jpg", "d'$(touch x).jpg"):
        (tmp_path / name).touch()
    done = bash(
        "find . -name '*.jpg' -print | jq -cR '{path: .}' | taskq enqueue send - -q emails"
        " | taskq wait - --timeout 30s"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("emails/n") and line.endswith(" ended") for line in lines)
    assert "3 enqueued" in done.stderr
    assert "3 ended" in done.stderr


@pytest.mark.usefixtures("working")
def test_a_job_is_enqueued_awaited_and_its_result_printed(bash: Bash) -> None:
    done = bash(
        'id=$(taskq enqueue send month=11 -q emails --keep 1h) && taskq wait "$id" --timeout 30s'
        ' && taskq result "$id"'
    )
    assert done.returncode == 0, done.stderr
    awaited, result = done.stdout.splitlines()
    assert awaited.endswith(" done")
    assert json.loads(result) == {"month": "11"}


@pytest.mark.usefixtures("working")
def test_ten_thousand_jobs_are_each_reported_once(bash: Bash) -> None:
    done = bash(
        "seq 10000 | jq -c '{n: .}' | taskq enqueue send - -q emails | tee sent | taskq wait - --timeout 60s"
        " > ended; status=$?; sort sent > a; cut -d' ' -f1 ended | sort > b; cmp a b && wc -l < b;"
        " exit $status"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "10000"


@pytest.mark.usefixtures("working")
def test_a_job_that_dies_is_exit_code_7_and_its_error_is_told(sh: Shell, bash: Bash) -> None:
    done = bash("(taskq enqueue send -q emails; taskq enqueue bounce -q emails) | taskq wait -")
    assert done.returncode == 7
    assert sorted(line.split()[1] for line in done.stdout.splitlines()) == ["dead", "ended"]
    assert "died of ValueError: no such user" in done.stderr


@pytest.mark.usefixtures("working")
def test_a_running_job_that_is_cancelled_is_exit_code_7_where_its_outcome_is_kept(
    sh: Shell, spawn: Spawn
) -> None:
    ref = sh.ok("enqueue", "hang", "-q", "emails", "--keep", "1h").strip()
    waiting = spawn([*taskq_command(), "wait", ref], sh.server.url)
    wait_until(lambda: sh.records("inspect", ref)[0]["state"] == "running", what="the job to run")
    assert waiting.running
    sh.ok("cancel", ref, "--yes")
    assert waiting.wait(EVER_S) == 7
    assert waiting.stdout == f"{ref} cancelled\n"


def test_a_reader_that_has_enough_ends_it_silently(sh: Shell, bash: Bash) -> None:
    later(sh)
    done = bash(
        " seq 100000 | sed 's|.*|emails/n1000000000000-&|' > old; taskq enqueue send -q emails > /dev/null;"
        " taskq wait - < old | head -1; echo ${PIPESTATUS[*]}"
    )
    assert done.stdout.splitlines() == ["emails/n1000000000000-1 ended", "141 0"]
    assert "Traceback" not in done.stderr


def test_closed_or_empty_stdin_is_nothing_to_wait_for(bash: Bash) -> None:
    for source in ("<&-", "< /dev/null"):
        done = bash(f"taskq wait - {source}")
        assert (done.returncode, done.stdout) == (0, "")
        assert "no jobs to wait for" in done.stderr


def test_an_interrupt_says_how_far_it_got(sh: Shell, spawn: Spawn) -> None:
    gone, *pending = later(sh, count=3)
    purge(sh, gone)
    waiting = spawn([*taskq_command(), "wait", gone, *pending], sh.server.url)
    wait_until(lambda: waiting.stdout, what="the first line")
    waiting.send(signal.SIGINT)
    assert waiting.wait(EVER_S) == 130
    assert waiting.stdout == f"{gone} ended\n"
    assert waiting.stderr == "taskq: 1 ended, 2 still pending\n"


# -- enqueue --wait -----------------------------------------------------------------------------


@pytest.mark.usefixtures("working")
def test_enqueue_can_wait_for_its_job(sh: Shell) -> None:
    done = sh("enqueue", "send", "-q", "emails", "--wait", "--keep", "1h")
    assert done.returncode == 0
    assert str(JobRef.parse(done.stdout)) == done.stdout.strip()
    assert done.stderr == "taskq: 1 done\n"
    done = sh("enqueue", "bounce", "-q", "emails", "--wait=30s")
    assert done.returncode == 7
    assert "died of ValueError: no such user" in done.stderr


@pytest.mark.usefixtures("working")
def test_enqueue_can_wait_for_a_stream(sh: Shell) -> None:
    lines = '{"task":"send"}\n{"task":"send","keep":"1h"}\nnonsense\n'
    done = sh("enqueue", "-", "-q", "emails", "--wait", stdin=lines)
    assert done.returncode == 6
    assert len(done.stdout.splitlines()) == 3
    assert "2 enqueued" in done.stderr
    assert "1 ended" in done.stderr
    assert "1 done" in done.stderr
    assert sh("enqueue", "-", "-q", "emails", "--wait", stdin=lines + '{"task":"bounce"}\n').returncode == 7


def test_enqueue_prints_the_id_before_it_waits(sh: Shell, spawn: Spawn) -> None:
    waiting = spawn([*taskq_command(), "enqueue", "send", "-q", "emails", "--wait"], sh.server.url)
    ref = wait_until(lambda: waiting.stdout.strip(), what="the id")
    assert waiting.running
    purge(sh, ref)
    assert waiting.wait(EVER_S) == 0


def test_enqueue_waits_no_longer_than_it_was_told(sh: Shell) -> None:
    done = sh("enqueue", "send", "-q", "emails", "--wait=200ms")
    assert done.returncode == 8
    assert "1 job is still pending after 200ms" in done.stderr
    assert sh("enqueue", "send", "-q", "emails", "--wait=nonsense").returncode == 2


def test_a_duplicate_and_a_rehearsal_are_not_awaited(sh: Shell) -> None:
    first = sh.ok("enqueue", "send", "-q", "emails", "--unique", "k")
    again = sh("enqueue", "send", "-q", "emails", "--unique", "k", "--wait")
    assert (again.returncode, again.stdout) == (5, first)
    assert sh("enqueue", "send", "-q", "emails", "--wait", "--dry-run").returncode == 0
