"""`taskq export` and `taskq import`: jobs go from one server to another and lose nothing on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Backoff, Client, Job, JobOptions, State, TaskQueue, WorkerOptions
from tests.cli.conftest import Bury, Shell
from tests.conftest import ServerPool, Spawn, Taskq
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

STATES = ("scheduled", "ready", "dead")


@pytest.fixture
def there(server_pool: ServerPool) -> Server:
    """The server that jobs go to; ``sh`` is bound to the one they come from."""
    server = server_pool("redis")
    server.raw.flushall()
    return server


@pytest.fixture
def client(sh: Shell) -> Iterator[Client]:
    with sh.client() as client:
        yield client


def fill(client: Client, bury: Bury) -> None:
    """Jobs in three states, with all they can have."""
    client.configure("emails", max_jobs=5_000, dead_age=timedelta(days=3))
    client.enqueue_many("emails", "send", [{"n": n, "text": "é\u202e\U0001f600"} for n in range(30)])
    client.enqueue("emails", "send", {"n": 30}, JobOptions(priority="high", unique="k", retries=9))
    client.enqueue(
        "emails", "send", {}, JobOptions(delay=timedelta(hours=1), backoff=Backoff(), priority="low")
    )
    client.enqueue("reports", "build", {"n": 1}, JobOptions(delay=timedelta(milliseconds=1)))
    bury({"n": 41}, {"n": 42}, queue="orders", error="no\x1b[31m user\nat all")


def shown(sh: Shell, server: Server) -> list[dict[str, Any]]:
    """All jobs of a server, as `jobs` shows them; what a second of time changes is left out."""
    lines = sh.ok("jobs", "-o", "ndjson", "--limit", "1000", "--url", server.url).splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda job: str(job["id"]))


def test_three_states_move_to_another_server_and_back(
    sh: Shell, there: Server, client: Client, bury: Bury, taskq: Taskq
) -> None:
    fill(client, bury)
    before = shown(sh, sh.server)
    assert {job["state"] for job in before} == set(STATES)

    out = sh.ok("export")
    moved = sh("import", "--settings", "--url", there.url, stdin=out)

    assert moved.returncode == 0, moved.stderr
    assert moved.stdout.splitlines() == [f"{json.loads(line)['id']} imported" for line in jobs_in(out)]
    assert f"{len(before)} imported, 3 queues set" in moved.stderr
    assert shown(sh, there) == before
    assert sh.ok("export", "--url", there.url) == out

    sh.server.raw.flushall()
    sh("import", stdin=sh.ok("export", "--url", there.url))
    assert shown(sh, sh.server) == before

    retried = sh("retry", "--state", "dead", "-q", "orders", "--yes")
    assert retried.returncode == 0
    assert Counter(drained(sh.server, "emails", "orders", "reports")) == Counter(
        str(job["id"]) for job in before if job["state"] != "scheduled" or job["queue"] == "reports"
    )


def test_an_import_killed_in_the_middle_is_repeated_and_nothing_is_lost_or_doubled(
    sh: Shell, there: Server, client: Client, spawn: Spawn, tmp_path: Path
) -> None:
    client.enqueue_many("emails", "send", [{"n": n} for n in range(6_000)])
    file = tmp_path / "jobs.ndjson"
    file.write_text(sh.ok("export"))
    program = spawn([*taskq_command(), "import", str(file)], there.url)

    wait_until(lambda: there.raw.xlen("taskq:{default/emails}:n") > 500, 20)
    program.kill()
    arrived = there.raw.xlen("taskq:{default/emails}:n")
    assert arrived < 6_000
    ran = drained(there, "emails")  # what came so far has ended before it is repeated
    again = sh("import", str(file), "--url", there.url)
    ran += drained(there, "emails")

    assert again.returncode == 0
    assert f"{6_000 - arrived} imported, {arrived} here already" in again.stderr
    assert len(ran) == len(set(ran)) == 6_000
    assert there.raw.hget("taskq:{default/emails}:stats", "imported") == b"6000"


def test_ctrl_c_keeps_what_was_imported_and_says_how_far_it_got(
    sh: Shell, there: Server, client: Client, spawn: Spawn
) -> None:
    client.enqueue_many("emails", "send", [{"n": n} for n in range(300)])
    (sh_folder(spawn) / "some").write_text(sh.ok("export"))
    program = spawn(["bash", "-c", "exec taskq import < <(cat some; sleep 60)"], there.url, PATH=path())
    wait_until(lambda: program.stdout.count("imported") == 300, 20)

    program.send(signal.SIGINT)

    assert program.wait(10) == 130
    assert "300 imported" in program.stderr


def sh_folder(spawn: Spawn) -> Path:
    """Where programs run."""
    program = spawn(["pwd"])
    program.wait()
    return Path(program.stdout.strip())


def path() -> str:
    return f"{Path(taskq_command()[0]).parent}{os.pathsep}{os.environ['PATH']}"


def drained(server: Server, *names: str) -> list[str]:
    """The references of all jobs that a worker ran until nothing was ready."""
    ran: list[str] = []
    for name in names:
        queue = TaskQueue(name, redis=server.url, concurrency=50)

        async def note(job: Job) -> None:
            ran.append(str(job.ref))

        for task in ("send", "build", "send-email"):
            queue.process(task)(note)
        queue.run(WorkerOptions(burst=True))
        queue.close_sync()
    return ran


# -- export ------------------------------------------------------------------------------------


def jobs_in(out: str) -> list[str]:
    return [line for line in out.splitlines() if '"schema":"taskq.export/1"' in line]


def test_an_export_is_ndjson_whatever_is_configured_and_harmless_on_a_terminal(
    sh: Shell, client: Client, bury: Bury
) -> None:
    fill(client, bury)

    done = sh("export", TASKQ_OUTPUT="table")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert [line["queue"] for line in lines if line["schema"] == "taskq.export-queue/1"] == [
        "emails", "orders", "reports",
    ]  # fmt: skip
    assert lines[0] == {
        "schema": "taskq.export-queue/1", "queue": "emails", "paused": False, "max_jobs": 5000,
        "max_bytes": None, "dead_max": None, "dead_age_s": 259200, "slo_s": None,
    }  # fmt: skip
    assert done.stderr == "taskq: 35 jobs exported\n"
    assert sh.ok("export", "-q", "orders", "-o", "name").count("orders/") == 2


def test_queues_and_states_are_chosen(sh: Shell, client: Client, bury: Bury) -> None:
    fill(client, bury)

    def states(*flags: str) -> Counter[str]:
        return Counter(json.loads(line)["state"] for line in jobs_in(sh.ok("export", *flags)))

    assert states("-q", "emails") == {"ready": 31, "scheduled": 1}
    assert states("--state", "dead,scheduled") == {"scheduled": 2, "dead": 2}
    assert sh("export", "-q", "nothing").returncode == 4


def test_running_jobs_are_left_out_and_counted_or_come_as_ready_ones(
    sh: Shell, there: Server, client: Client, spawn: Spawn
) -> None:
    client.enqueue("emails", "slow", {})
    spawn([*taskq_command(), "worker", "-q", "emails", "--exec", "slow=sleep 100"], sh.server.url)
    wait_until(lambda: client.snapshot("emails").running, 20)

    without = sh("export")
    out = sh.ok("export", "--running")

    assert jobs_in(without.stdout) == []
    assert "0 jobs exported; 1 that run were left out" in without.stderr
    (line,) = jobs_in(out)
    assert (json.loads(line)["state"], json.loads(line)["attempts"]) == ("ready", 0)
    sh("import", "--url", there.url, stdin=out)
    with Client(there.url) as target:
        assert target.snapshot("emails").ready_total == 1


def test_a_pipe_that_is_closed_early_is_silent(sh: Shell, client: Client, tmp_path: Path) -> None:
    client.enqueue_many("emails", "send", [{"text": "x" * 200} for _ in range(3_000)])

    done = subprocess.run(
        ["bash", "-c", "set -o pipefail; taskq export | head -1; echo ${PIPESTATUS[0]}"],
        env=environment(tmp_path, sh.server.url, PATH=path()), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout.splitlines()[1:] == ["141"]
    assert done.stderr == ""


# -- import ------------------------------------------------------------------------------------

GOOD = {
    "schema": "taskq.export/1", "id": "emails/n1763951707123-0", "state": "ready", "task": "send",
    "payload": {},
}  # fmt: skip


def line(**fields: Any) -> str:
    return json.dumps(GOOD | fields)


def test_wrong_lines_are_told_and_the_others_go_on(sh: Shell, client: Client) -> None:
    wrong = [
        "what",
        "[1, 2]",
        json.dumps({"id": "emails/n1-0"}),
        line(schema="taskq.job/1"),
        line(id="n1-0"),
        line(id="emails/../x"),
        line(queue="No Queue"),
        line(task="$(touch x)"),
        line(payload="text"),
        line(payload={"a": "x" * 2_000_000}),
        line(state="done"),
        line(state="dead"),
        line(state="scheduled", due_at="soon"),
        line(state="scheduled", due_at="0001-01-01T00:00:00+14:00"),
        line(attempts=-1),
        line(attempts=1e30),
        line(retries="many"),
        line(timeout_s=1e300),
        line(backoff={"base_s": 1, "factor": 0.5, "cap_s": 1}),
        line(unique="a b"),
        line(priority="urgent"),
        line(prioritty="high"),
        "x" * 5_000_000,
        "\x1b]0;owned\x07",
    ]

    done = sh("import", stdin="\n".join([*wrong, line(), ""]))

    assert done.returncode == 6
    assert done.stdout == "emails/n1763951707123-0 imported\n"
    told = done.stderr.splitlines()
    assert [text.split(":")[1] for text in told[:-1]] == [f" line {n}" for n in range(1, len(wrong) + 1)]
    assert told[-1] == f"taskq: 1 imported, {len(wrong)} wrong lines"
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    assert client.snapshot("emails").ready_total == 1


def test_only_wrong_lines_end_with_2_and_a_dry_run_tells_them_without_a_server(taskq: Taskq) -> None:
    checked = taskq("import", "-", "--dry-run", stdin=f"{line()}\nno\n", url="unix:///nowhere")

    assert (checked.returncode, checked.stdout) == (6, "")
    assert "would import 1 jobs, 1 wrong lines" in checked.stderr
    assert taskq("import", "-n", stdin="no\n").returncode == 2
    assert taskq("import", "nothing.ndjson").returncode == 2
    assert taskq("import", "-n").returncode == 0


def test_a_line_may_be_edited_to_go_into_another_queue(sh: Shell, client: Client) -> None:
    done = sh("import", stdin=line(queue="letters", priority="low") + "\n")

    assert done.stdout == "letters/n1763951707123-0 imported\n"
    assert client.queues() == ["letters"]


def test_another_job_with_the_same_id_is_told_and_left_alone(sh: Shell, client: Client) -> None:
    sh("import", stdin=line())

    done = sh("import", "-o", "ndjson", stdin=line(payload={"other": 1}) + "\n" + line())
    alone = sh("import", stdin=line(payload={"other": 1}))

    assert [json.loads(text)["found"] for text in done.stdout.splitlines()] == ["taken", "known"]
    assert "line 1: emails/n1763951707123-0: another job has this id" in done.stderr
    assert (done.returncode, alone.returncode) == (6, 5)
    assert client.list_jobs("emails", State.READY).jobs[0].payload == b"{}"


def test_settings_are_applied_only_when_asked_for_and_before_the_jobs_come(
    sh: Shell, there: Server, client: Client
) -> None:
    client.configure("emails", max_jobs=7, dead_max=8, dead_age=timedelta(seconds=90))
    client.enqueue("emails", "send", {})
    client.pause("emails")
    out = sh.ok("export")

    assert "1 queues not set (--settings does it)" in sh("import", "--url", there.url, stdin=out).stderr
    with Client(there.url) as target:
        assert (target.snapshot("emails").settings, target.snapshot("emails").paused) == ({}, False)
        sh("import", "--settings", "--url", there.url, stdin=out)
        assert target.snapshot("emails").settings == {"max_jobs": "7", "dead_max": "8", "dead_age": "90000"}
        assert target.snapshot("emails").paused


def test_a_full_queue_ends_it_with_5_and_says_to_repeat(sh: Shell, client: Client) -> None:
    client.configure("emails", max_jobs=1)

    done = sh("import", stdin=line() + "\n" + line(id="emails/n1763951707124-0"))

    assert (done.returncode, done.stdout) == (5, "")
    assert "the rest was not read" in done.stderr
    assert "Repeat the import then" in done.stderr


def test_an_export_is_a_list_of_jobs_for_every_other_command(sh: Shell, client: Client, bury: Bury) -> None:
    fill(client, bury)

    for format_ in ("ndjson", "json", "tsv", "csv", "name"):
        out = sh.ok("export", "--state", "dead", "-o", format_)
        done = sh("retry", "-", "-n", stdin=out)
        assert "would retry 2 jobs" in done.stderr, format_
