"""`taskq workers` and `taskq health`: who lives, what they do, and how they are told to stop."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell
from tests.cli.staff import Staff
from tests.conftest import NewServer, Spawn, Taskq
from tests.processes import taskq_command
from tests.waiting import wait_until


def test_workers_are_listed_one_a_row_however_many_queues_they_serve(sh: Shell, staff: Staff) -> None:
    program = staff.hire(app="app")
    assert sh.ok("workers", "ls", "-o", "table").count(str(program.pid)) == 2  # in the id, and as the pid
    (worker,) = sh.records("workers", "ls")
    assert (worker["queues"], worker["pid"], worker["slots"]) == (["emails", "reports"], program.pid, 2)
    assert worker["state"] == "working"
    assert worker["seen_s"] < 10
    assert {"quick", "sleep", "fail"} <= set(worker["tasks"])
    assert [each["id"] for each in sh.records("workers", "ls", "-q", "rep*")] == [worker["id"]]
    assert sh("workers", "ls", "-q", "nowhere").returncode == 4
    columns = sh.ok("workers", "ls").split("\t")
    assert columns[:2] == [worker["id"], "emails,reports"]


def test_a_worker_is_shown_by_the_beginning_of_its_id_with_the_jobs_it_runs(sh: Shell, staff: Staff) -> None:
    staff.hire()
    refs = staff.enqueue("sleep", count=2)
    staff.running(2)
    (listed,) = sh.records("workers", "ls")
    (lease,) = staff.live()
    for name in (listed["id"], listed["id"][:-3], lease.id):
        (shown,) = sh.records("workers", "show", name)
        assert shown["id"] == listed["id"]
        assert sorted(job["id"] for job in shown["running"]) == refs
        assert {job["task"] for job in shown["running"]} == {"sleep"}
        assert all(0 <= job["held_s"] < 60 for job in shown["running"])
    assert refs[0] in sh.ok("workers", "show", listed["id"], "-o", "table")
    assert sh("workers", "show", "nobody").returncode == 4
    assert sh("workers", "show").returncode == 2


def test_a_beginning_that_several_share_is_refused(sh: Shell, staff: Staff) -> None:
    staff.hire("--processes", "2")
    wait_until(lambda: len(staff.live()) == 2, 30)
    host = staff.live()[0].host
    done = sh("workers", "stop", host, "--yes")
    assert done.returncode == 2
    assert "2 workers begin with" in done.stderr


def test_a_worker_told_to_stop_ends_with_0_once_its_jobs_are_done(sh: Shell, staff: Staff) -> None:
    program = staff.hire()
    (ref,) = staff.enqueue("sleep", s=1)
    staff.running(1)
    (worker,) = sh.records("workers", "ls")
    assert sh("workers", "stop", worker["id"]).returncode == 5
    rehearsal = sh("workers", "stop", worker["id"], "-n")
    assert (rehearsal.returncode, rehearsal.stdout) == (0, worker["id"] + "\n")
    assert program.running
    assert staff.live()[0].stopping is False
    done = sh("workers", "stop", worker["id"], "--yes")
    assert (done.returncode, done.stdout) == (0, f"{worker['id']} told to stop\n")
    assert program.wait(20) == 0
    assert sh("inspect", ref).returncode == 4
    assert sh.ok("workers", "ls") == ""


def test_workers_stop_now_by_stream_and_are_waited_for(sh: Shell, staff: Staff) -> None:
    program = staff.hire("--processes", "2", "--grace", "60s")
    wait_until(lambda: len(staff.live()) == 2, 30)
    refs = staff.enqueue("sleep", count=4)
    staff.running(4)
    late = sh("workers", "stop", "--all", "--yes", "--wait=300ms")
    assert late.returncode == 8
    assert late.stdout.count("still stopping") == 2
    # a worker says so with its next heartbeat
    staff.until(lambda: {worker["state"] for worker in sh.records("workers", "ls")} == {"stopping"})
    listed = sh.ok("workers", "ls", "-o", "ndjson") + sh.ok("workers", "ls", "-o", "name")
    done = sh("workers", "stop", "-", "--now", "--yes", "--wait", stdin=listed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" stopped\n") == 2
    assert program.wait(20) == 0
    assert [job["state"] for job in sh.records("inspect", *refs)] == ["ready"] * 4


def test_workers_are_chosen_by_host_and_queue(sh: Shell, staff: Staff) -> None:
    program = staff.hire()
    (worker,) = sh.records("workers", "ls")
    assert sh("workers", "stop", "--host", "elsewhere", "--yes").returncode == 4
    assert sh("workers", "stop", "--yes").returncode == 2
    assert sh("workers", "stop", worker["id"], "--all", "--yes").returncode == 2
    assert sh("workers", "stop", "-", "--yes", stdin="\xff nonsense\n").returncode == 4
    assert json.loads(
        sh.ok("workers", "stop", "--host", worker["host"], "-q", "em*", "--yes", "-o", "ndjson")
    ) == {
        "schema": "taskq.worker-stop/1",
        "id": worker["id"],
        "queues": ["emails"],
        "outcome": "told",
    }
    assert program.wait(20) == 0


def test_a_read_only_profile_stops_nobody(sh: Shell, staff: Staff) -> None:
    staff.hire()
    (staff.folder / "taskq.toml").write_text("[profiles.look]\nread_only = true\n")
    assert sh("workers", "stop", "--all", "--yes", "-P", "look").returncode == 5
    assert sh("queue", "rm", "emails", "--confirm", "emails", "-P", "look").returncode == 5
    assert sh("queue", "drain", "emails", "-P", "look").returncode == 5
    assert sh("queue", "set", "emails", "--max-jobs", "1", "-P", "look").returncode == 5
    for command in (["workers", "ls"], ["why", "emails"], ["health"], ["queue", "show", "emails"]):
        assert sh(*command, "-P", "look").returncode == 0
    assert len(staff.live()) == 1


# -- health -----------------------------------------------------------------------------------


def test_health_is_an_exit_code_and_nothing_on_stdout(sh: Shell, staff: Staff) -> None:
    well = sh("health")
    assert (well.returncode, well.stdout, well.stderr) == (0, "", "")
    few = sh("health", "-q", "emails", "--workers", "1")
    assert (few.returncode, few.stdout) == (1, "")
    assert "0 live workers of 1" in few.stderr
    assert sh("health", "-q", "emails", "--workers", "1", "--quiet").stderr == ""
    staff.hire()
    assert sh("health", "-q", "emails", "--workers", "1").returncode == 0
    assert sh("health", "--workers", "1").returncode == 2


def test_health_of_a_server_that_is_away_is_3_and_starts_none(taskq: Taskq) -> None:
    assert taskq("health", url="redis://127.0.0.1:1").returncode == 3
    assert taskq("health").returncode == 3
    assert taskq("server", "status", "--json", "running").stdout.strip() == '[{"running":false}]'


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_health_of_a_server_that_takes_no_writes_is_1(taskq: Taskq, new_server: NewServer, kind: str) -> None:
    server = new_server(kind)
    assert taskq("health", url=server.url).returncode == 0
    server.raw.config_set("maxmemory", 1)
    full = taskq("health", url=server.url)
    assert (full.returncode, full.stdout) == (1, "")
    assert "full" in full.stderr
    server.raw.config_set("maxmemory", 0)
    server.raw.replicaof("127.0.0.1", 1)
    replica = taskq("health", url=server.url)
    assert (replica.returncode, replica.stdout) == (1, "")


def test_health_of_a_frozen_server_ends_soon(sh: Shell, spawn: Spawn) -> None:
    with sh.server.frozen():
        program = spawn([*taskq_command(), "health"], sh.server.url)
        assert program.wait(8) == 3
