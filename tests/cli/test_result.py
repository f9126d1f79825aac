"""`taskq result`: what jobs returned, and why there is nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import Job, JobOptions, TaskQueue, WorkerOptions
from tests.cli.conftest import Shell

KEEP = JobOptions(keep=timedelta(hours=1))


def run(sh: Shell, *payloads: dict[str, Any], options: JobOptions = KEEP) -> list[str]:
    """Jobs that a real worker has ended: with the payload's `result`, or an error."""
    tasks = TaskQueue("reports", redis=sh.server.url, retries=0)

    def build(job: Job) -> object:
        if "error" in job.payload:
            raise ValueError(job.payload["error"])
        return job.payload.get("result")

    tasks.process("build")(build)
    receipts = tasks.add_many_sync("build", payloads, options)
    tasks.run(WorkerOptions(burst=True))
    tasks.close_sync()
    return [str(receipt) for receipt in receipts]


@pytest.mark.parametrize(
    "value", [None, True, 17, "text", [1, {"a": None}], {"rows": 3, "big": 12345678901234567890}]
)
def test_a_kept_result_is_json_on_one_line(sh: Shell, value: object) -> None:
    (ref,) = run(sh, {"result": value})
    done = sh("result", ref)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == json.dumps(value, separators=(",", ":")) + "\n"


def test_hostile_results_are_escaped(sh: Shell) -> None:
    value = "\x1b]52;c;AAAA\x07 \u202e \x9b31m"
    (ref,) = run(sh, {"result": value})
    for flags in ([], ["-o", "ndjson"], ["-o", "tsv"], ["-o", "table"]):
        out = sh.ok("result", ref, *flags)
        assert all(char.isprintable() or char in "\n\t" for char in out)
    assert json.loads(sh.ok("result", ref)) == value


def test_several_results_come_one_a_line_in_order(sh: Shell) -> None:
    refs = run(sh, *({"result": n} for n in range(5)))
    assert sh.ok("result", *refs).split() == ["0", "1", "2", "3", "4"]
    assert sh.ok("result", "-", stdin="\n".join(refs)).split() == ["0", "1", "2", "3", "4"]
    records = sh.records("result", "-q", "reports", refs[1].partition("/")[2])
    assert records == [
        {
            "schema": "taskq.result/1", "id": refs[1], "queue": "reports", "state": "done", "result": 1,
            "error": None,
        }
    ]  # fmt: skip


def test_nothing_kept_is_exit_code_4_and_says_what_to_do(sh: Shell) -> None:
    (ref,) = run(sh, {"result": 1}, options=JobOptions())
    for name in (ref, "reports/n99-0", "nowhere/s1-1"):
        done = sh("result", name)
        assert (done.returncode, done.stdout) == (4, "")
        assert "--keep" in done.stderr


@pytest.mark.parametrize("deleted", [False, True])
def test_a_job_that_died_is_exit_code_7_with_its_error_on_stderr(sh: Shell, deleted: bool) -> None:
    (ref,) = run(sh, {"error": "out of paper"})
    if deleted:
        sh.ok("delete", ref, "--yes")
    done = sh("result", ref)
    assert (done.returncode, done.stdout) == (7, "")
    assert "dead: ValueError: out of paper" in done.stderr
    record = json.loads(sh("result", ref, "-o", "ndjson").stdout)
    assert (record["state"], record["result"], record["error"]["type"]) == ("dead", None, "ValueError")


def test_a_cancelled_job_is_exit_code_7(sh: Shell) -> None:
    ref = sh.ok("enqueue", "build", "-q", "reports", "--in", "1h", "--keep", "1h").strip()
    sh.ok("cancel", ref, "--yes")
    done = sh("result", ref)
    assert done.returncode == 7
    assert f"{ref} is cancelled" in done.stderr


def test_a_pending_job_is_exit_code_8(sh: Shell) -> None:
    kept = sh.ok("enqueue", "build", "-q", "reports", "--keep", "1h").strip()
    plain = sh.ok("enqueue", "build", "-q", "reports").strip()
    done = sh("result", kept)
    assert (done.returncode, done.stdout) == (8, "")
    assert "still ready" in done.stderr
    assert "without --keep" not in done.stderr
    assert "without --keep" in sh("result", plain).stderr


def test_a_dead_job_that_is_tried_again_is_pending(sh: Shell) -> None:
    (ref,) = run(sh, {"error": "out of paper"})
    sh.ok("retry", ref, "--yes")
    assert sh("result", ref).returncode == 8


def test_some_of_several_is_exit_code_6(sh: Shell) -> None:
    good, bad = run(sh, {"result": 1}, {"error": "no"})
    done = sh("result", good, bad)
    assert (done.returncode, done.stdout) == (6, "1\n")
    assert sh("result", "-", stdin=f"{good}\nnonsense\n").returncode == 6
    assert sh("result").returncode == 2
