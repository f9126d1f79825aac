"""`taskq failures`, groups and `--group`, `bury`, and searches that say how far they looked."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from taskq_core import Job, NewJob, TaskQueue, WorkerOptions
from tests.cli.conftest import Bury, Shell
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until


def no_user(n: int) -> None:
    raise LookupError(f"user {n} ({n:032x}) not found")


def no_file(n: int) -> None:
    raise FileNotFoundError(f"no such file: /srv/uploads/{n % 7}/report-{n}.csv")


def refused(n: int) -> None:
    raise ConnectionError(
        f"10.0.{n % 256}.{n % 99}:{6000 + n % 50} refused, attempt at 2027-01-31T08:00:{n % 60:02}Z"
    )


def bad_json(n: int) -> None:
    json.loads("[" * (n % 9) + f'{{"n": {n}')


def too_slow(n: int) -> None:
    raise TimeoutError(f"took {n / 7:.3f} s for 'order {n}'")


CAUSES: tuple[Callable[[int], None], ...] = (no_user, no_file, refused, bad_json, too_slow)


@pytest.fixture
def fail_in_five_ways(any_server: Server) -> Callable[..., None]:
    """Runs jobs on a real worker, each of which fails in one of five ways."""

    def run(count: int, retries: int = 0, queue: str = "mail") -> None:
        tasks = TaskQueue(queue, redis=any_server.url, retries=retries)

        @tasks.process("work")
        def work(job: Job) -> None:
            CAUSES[job.payload["n"] % 5](job.payload["n"])

        tasks.add_many_sync("work", [{"n": n} for n in range(count)])
        tasks.run(WorkerOptions(burst=True, concurrency=1))
        tasks.close_sync()

    return run


def groups(sh: Shell, *args: str) -> list[dict[str, Any]]:
    return sh.records("failures", "--group", *args)


def test_ten_thousand_dead_jobs_of_five_causes_are_five_groups(
    sh: Shell, fail_in_five_ways: Callable[..., None]
) -> None:
    fail_in_five_ways(10_000)
    found = groups(sh)
    assert [group["count"] for group in found] == [2_000] * 5
    assert {group["type"] for group in found} == {
        "LookupError", "FileNotFoundError", "ConnectionError", "JSONDecodeError", "TimeoutError",
    }  # fmt: skip
    for group in found:
        assert group["queues"] == ["mail"]
        sample = sh.records("inspect", group["sample"])[0]
        assert sample["error"]["fingerprint"] == group["fingerprint"]
        assert sample["error"]["message"] == group["message"]
        assert group["first_at"] <= sample["died_at"] == group["last_at"]

    by_type = {group["type"]: group["fingerprint"] for group in found}
    retried = sh("retry", "--group", by_type["LookupError"], "-q", "mail")
    assert retried.returncode == 0
    assert len(retried.stdout.splitlines()) == 2_000
    assert "looked at 10,000 jobs, 2,000 match" in retried.stderr
    deleted = sh("delete", "--group", by_type["TimeoutError"], "--yes")
    assert len(deleted.stdout.splitlines()) == 2_000
    assert {group["type"]: group["count"] for group in groups(sh)} == {
        "FileNotFoundError": 2_000, "ConnectionError": 2_000, "JSONDecodeError": 2_000,
    }  # fmt: skip
    snapshot = sh.client().snapshot("mail")
    assert (snapshot.ready_total, snapshot.dead) == (2_000, 6_000)


def test_a_group_that_is_still_being_tried_is_buried_with_one_command(
    sh: Shell, fail_in_five_ways: Callable[..., None]
) -> None:
    fail_in_five_ways(50, retries=3)
    assert groups(sh) == []
    found = groups(sh, "--state", "scheduled")
    assert [group["count"] for group in found] == [10] * 5
    chosen = found[0]["fingerprint"]

    rehearsed = sh("bury", "--group", chosen, "--dry-run")
    assert "would bury 10 jobs" in rehearsed.stderr
    assert sh("bury", "--group", chosen).returncode == 5
    assert groups(sh) == []
    buried = sh("bury", "--group", chosen, "--yes")
    assert buried.stdout.count(" buried\n") == 10
    assert [group["fingerprint"] for group in groups(sh)] == [chosen]
    assert len(groups(sh, "--state", "scheduled")) == 4
    cancelled = sh("cancel", "--group", found[1]["fingerprint"], "--yes")
    assert cancelled.stdout.count(" cancelled\n") == 10


def test_failures_lists_attempts_of_all_queues_newest_first(sh: Shell, bury: Bury) -> None:
    first = bury(queue="emails")[0]
    second = bury(queue="other", error="disk\x1b[2J full")[0]
    records = sh.records("failures")
    assert [record["id"] for record in records] == [second, first]
    assert records[0]["state"] == "dead"
    assert records[0]["error"]["message"] == "disk\x1b[2J full"
    assert [record["id"] for record in sh.records("failures", "-q", "e*")] == [first]
    assert [record["id"] for record in sh.records("failures", "--limit", "1")] == [second]
    for form in ("table", "wide", "tsv", "csv"):
        shown = sh.ok("failures", "-o", form)
        assert "\x1b" not in shown
    assert sh.ok("inspect", "-", stdin=sh.ok("failures", "-o", "ndjson")).count("\n") == 2
    assert sh("failures", "-q", "nothing").returncode == 4
    assert sh("failures", "--state", "dead").returncode == 2
    assert sh("failures", "--group", "--state", "ready").returncode == 2
    assert sh("retry", "--group", "everything").returncode == 2
    assert sh("retry", first, "--group", "0123456789ab").returncode == 2


def test_old_failures_are_left_out(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    assert len(sh.records("failures", "--since", "1h")) == 1
    assert len(groups(sh, "--since", "1h")) == 1
    raw, keys = sh.server.raw, sh.client().keys("emails")
    raw.zadd(keys.dead, {ref.partition("/")[2]: 1_000})
    assert groups(sh, "--since", "1h") == []
    raw.delete(keys.failures)
    raw.xadd(keys.failures, {"id": "n1-0", "at": "{}"}, id="1000-0")
    assert sh.records("failures", "--since", "1h") == []


def test_jobs_of_a_group_are_listed(sh: Shell, fail_in_five_ways: Callable[..., None]) -> None:
    fail_in_five_ways(20)
    group = groups(sh)[0]
    listed = sh.records("jobs", "--group", group["fingerprint"])
    assert len(listed) == 4
    assert {job["error"]["type"] for job in listed} == {group["type"]}


def add_jobs(sh: Shell, count: int) -> None:
    client = sh.client()
    for start in range(0, count, 1000):
        client.enqueue_jobs(
            "big",
            [NewJob("rare" if n % 5000 == 7 else "usual", {"n": n}) for n in range(start, start + 1000)],
        )


def test_a_search_says_how_far_it_looked(sh: Shell) -> None:
    add_jobs(sh, 20_000)
    done = sh("jobs", "--task", "rare", "-o", "name")
    assert len(done.stdout.splitlines()) == 4
    assert "looked at 20,000 jobs, 4 match" in done.stderr
    done = sh("jobs", "--filter", "payload.n=5007")
    assert "looked at 20,000 jobs, 1 match" in done.stderr
    assert "next page" not in done.stderr
    done = sh("jobs", "--task", "rare", "--limit", "2", "-o", "name")
    assert len(done.stdout.splitlines()) == 2
    assert "2 match; stopped by --limit" in done.stderr
    assert "next page" in done.stderr
    done = sh("purge", "big", "--state", "ready", "--older-than", "1h", "--dry-run")
    assert "looked at 20,000 jobs, 0 match" in done.stderr
    done = sh("cancel", "-q", "big", "--state", "ready", "--filter", "task=rare", "--dry-run")
    assert "would cancel 4 jobs" in done.stderr
    assert "looked at 20,000 jobs, 4 match" in done.stderr
    assert "looked at" not in sh("jobs", "--limit", "1").stderr


def calls(sh: Shell) -> int:
    """How many script calls the server has had."""
    count: int = sh.server.raw.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
    return count


def test_a_search_is_stopped_between_two_steps_and_says_how_far_it_was(sh: Shell, spawn: Spawn) -> None:
    add_jobs(sh, 60_000)
    before = calls(sh)
    program = spawn([*taskq_command(), "jobs", "--task", "none", "-o", "name"], url=sh.server.url)
    wait_until(lambda: calls(sh) >= before + 4, 20)
    program.send(signal.SIGINT)
    assert program.wait() == 130
    assert re.search(r"looked at [1-5]?\d,000 jobs, 0 match; stopped before the end", program.stderr)


def test_hits_are_printed_before_the_search_has_ended(sh: Shell) -> None:
    add_jobs(sh, 60_000)
    before = calls(sh)
    program = subprocess.Popen(
        [*taskq_command(), "jobs", "--task", "rare", "-o", "name", "--url", sh.server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline().startswith("big/n")
    assert calls(sh) < before + 50  # of the 60 steps that it takes
    out, err = program.communicate(timeout=30)
    assert len(out.splitlines()) == 11
    assert "looked at 60,000 jobs, 12 match" in err


def test_a_pipe_from_jobs_to_retry_misses_none_of_five_thousand(
    sh: Shell, fail_in_five_ways: Callable[..., None]
) -> None:
    fail_in_five_ways(5_000)
    command = " ".join(taskq_command())
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {command} jobs --state dead --limit 100000 -o name | {command} retry -",
        ],
        env={"TASKQ_REDIS_URL": sh.server.url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.splitlines())) == 5_000
    assert sh.client().snapshot("mail").dead == 0


@pytest.mark.parametrize("rate", [None, "20000/s"])
def test_a_selection_by_state_is_changed_as_it_is_found(
    sh: Shell, fail_in_five_ways: Callable[..., None], rate: str | None
) -> None:
    fail_in_five_ways(2_500)
    pace = [] if rate is None else ["--rate", rate]
    done = sh("retry", "-q", "mail", "--state", "dead", *pace)
    assert len(set(done.stdout.splitlines())) == 2_500
    assert sh.client().snapshot("mail").dead == 0
