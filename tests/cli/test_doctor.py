"""`taskq doctor`: each fault that it knows is planted for real, and found; a healthy set-up has none."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from taskq_core import Client
from tests.cli.conftest import Bury, Shell
from tests.cli.staff import Staff
from tests.conftest import NewServer, Spawn, Taskq
from tests.proxy import Proxy
from tests.servers import Server
from tests.waiting import wait_until

Findings = dict[tuple[str, str], dict[str, Any]]
KEYS = "taskq:{default/emails}:"


def examine(taskq: Taskq, url: str, code: int | None = None) -> Findings:
    """What a doctor found, by check and subject."""
    done = taskq("doctor", "-o", "ndjson", url=url)
    assert done.returncode in (0, 1), done.stderr
    found = {(row["check"], row["subject"]): row for row in map(json.loads, done.stdout.splitlines())}
    problems = [row for row in found.values() if row["severity"] == "problem"]
    assert done.returncode == (1 if problems else 0)
    assert code in (None, done.returncode), found
    return found


def checks(found: Findings, severity: str = "problem") -> set[str]:
    """The checks that found something of a severity."""
    return {row["check"] for row in found.values() if row["severity"] == severity}


# -- the server -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_a_healthy_set_up_has_no_problem(
    taskq: Taskq, new_server: NewServer, spawn: Spawn, tmp_path: Path, kind: str
) -> None:
    server = new_server(kind, aof=True)
    staff = Staff(Shell(taskq, server), spawn, tmp_path)
    staff.hire()
    staff.enqueue("quick", count=3)
    staff.enqueue("quick", flags=("--in", "1h"))
    staff.running(0)
    staff.close()

    found = examine(taskq, server.url, 0)

    # the Redis of distributions has holes by its version
    assert checks(found, "note") == {"memory_unlimited"} | ({"known_hole"} if kind == "redis" else set())
    assert taskq("doctor", url=server.url).stderr.startswith("taskq: 0 problems, ")


def test_a_server_that_is_too_old(taskq: Taskq, new_server: NewServer) -> None:
    found = examine(taskq, new_server("old").url, 1)
    assert "server_too_old" in checks(found)


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_faults_of_memory_and_persistence(taskq: Taskq, new_server: NewServer, kind: str) -> None:
    server = new_server(kind)
    assert checks(examine(taskq, server.url, 1)) == {"not_persistent"}
    server.raw.config_set("save", "900 1")
    assert "snapshots_only" in checks(examine(taskq, server.url, 0), "note")
    server.raw.config_set("appendonly", "yes")
    server.raw.config_set("appendfsync", "no")
    server.raw.config_set("maxmemory-policy", "allkeys-lru")
    found = examine(taskq, server.url, 1)
    assert (checks(found), checks(found, "note") & {"eviction"}) == ({"fsync_off"}, {"eviction"})
    used = server.raw.info("memory")["used_memory"]
    server.raw.config_set("maxmemory", int(used * 1.05))
    assert checks(examine(taskq, server.url, 1)) == {"fsync_off", "eviction", "memory_nearly_full"}
    server.raw.config_set("maxmemory", 1)
    assert {"no_writes", "memory_nearly_full"} <= checks(examine(taskq, server.url, 1))


def test_a_write_to_disk_that_failed(taskq: Taskq, new_server: NewServer) -> None:
    server = new_server("valkey")
    with redis.Redis(port=server.port) as raw:
        shutil.rmtree(server.folder)
        raw.bgsave()
        wait_until(lambda: raw.info("persistence")["rdb_last_bgsave_status"] == "err")
    assert "write_failed" in checks(examine(taskq, server.tcp_url, 1))


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_a_replica(taskq: Taskq, new_server: NewServer, kind: str) -> None:
    server = new_server(kind, aof=True)
    server.raw.replicaof("127.0.0.1", 1)
    found = examine(taskq, server.url, 1)
    assert checks(found) == {"replica", "no_writes"}
    assert "127.0.0.1:1" in found["replica", "server"]["fix"]


def test_a_server_that_anybody_can_reach(taskq: Taskq, new_server: NewServer) -> None:
    server = new_server("valkey", "--bind", "0.0.0.0", "--protected-mode", "no", aof=True)
    assert {"no_password", "may_do_everything"} <= checks(examine(taskq, server.url, 0), "note")
    server.raw.config_set("protected-mode", "yes")
    assert not {"no_password", "may_do_everything"} & checks(examine(taskq, server.url, 0), "note")


def test_what_may_not_be_looked_at_is_a_note(taskq: Taskq, new_server: NewServer) -> None:
    server = new_server("valkey", aof=True)
    server.raw.execute_command("ACL", "SETUSER", "t", "on", ">pw", "~taskq:*", "+@all", "-config", "-acl")
    url = f"redis://t:pw@127.0.0.1:{server.port}"
    found = examine(taskq, url, 0)
    assert "cannot_check" in checks(found, "note")
    server.raw.execute_command("ACL", "SETUSER", "t", "-info", "-smembers")
    assert "cannot_check" in checks(examine(taskq, url, 0), "note")
    assert taskq("doctor", url="redis://127.0.0.1:1").returncode == 3


class BentProxy(Proxy):
    """Answers late, or with a clock that is a minute behind."""

    def __init__(self, server: Server, *, delay: float = 0.0, behind: bool = False) -> None:
        self._delay, self._behind = delay, behind
        super().__init__(server)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):  # the other direction has closed them
            while data := source.recv(65536):
                if is_reply:
                    time.sleep(self._delay)
                    data = re.sub(rb"(?<=\*2\r\n\$10\r\n)\d{10}", self._clock, data)
                target.sendall(data)
        for end in (source, target):
            end.close()

    def _clock(self, match: re.Match[bytes]) -> bytes:
        return b"%d" % (int(match[0]) - 60 * self._behind)


def test_clocks_that_differ_and_slow_answers(taskq: Taskq, any_server: Server) -> None:
    with BentProxy(any_server, behind=True) as proxy:
        row = examine(taskq, proxy.url, 1)["clock", "server"]
        assert re.search(r"(59|1m)\w* behind", row["what"])
    with BentProxy(any_server, delay=0.05) as proxy:
        assert "slow_answers" in checks(examine(taskq, proxy.url), "note")


# -- queues -----------------------------------------------------------------------------------


def test_queues_that_nobody_serves_and_jobs_that_are_overdue(sh: Shell, taskq: Taskq) -> None:
    later = sh.ok("enqueue", "t", "--in", "1h", "-q", "emails").strip()
    assert examine(taskq, sh.server.url)["unserved", "emails"]["severity"] == "note"
    sh.server.raw.zadd(KEYS + "due", {later.partition("/")[2]: (time.time() - 10) * 1000})
    found = examine(taskq, sh.server.url, 1)
    assert {"unserved", "overdue"} <= checks(found)
    assert "due since 1" in found["overdue", "emails"]["what"]


def test_paused_draining_and_full_queues(sh: Shell, taskq: Taskq) -> None:
    with sh.client() as client:
        for queue in ("paused", "draining", "full", "nearly"):
            client.enqueue_many(queue, "t", [{}] * 9)
        client.pause("paused")
        client.drain("draining")
        client.configure("full", max_jobs=9)
        client.configure("nearly", max_jobs=10)
    found = examine(taskq, sh.server.url, 1)
    assert {("paused", "paused"), ("draining", "draining"), ("queue_nearly_full", "nearly")} <= found.keys()
    assert found["queue_full", "full"]["severity"] == "problem"


def test_a_dead_letter_queue_near_its_limit_and_one_that_lost_jobs(
    sh: Shell, taskq: Taskq, bury: Bury
) -> None:
    with sh.client() as client:
        client.configure("emails", dead_max=2)
        client.configure("reports", dead_max=1)
        bury({}, {}, queue="emails")
        bury({}, {}, queue="reports")
        client.configure("reports", dead_max=100)
    found = examine(taskq, sh.server.url, 1)
    assert found["dead_nearly_full", "emails"]["severity"] == "problem"
    assert found["dead_trimmed", "reports"]["severity"] == "note"


def test_tasks_that_no_live_worker_knows(sh: Shell, staff: Staff, taskq: Taskq) -> None:
    staff.hire()
    staff.enqueue("sleep", count=2)
    staff.running(2)
    staff.enqueue("strange", count=3)
    found = examine(taskq, sh.server.url, 1)
    assert "strange" in found["unknown_task", "emails"]["what"]


def test_holders_without_a_lease_silent_workers_and_index_faults(sh: Shell, taskq: Taskq) -> None:
    raw = sh.server.raw
    sh.ok("enqueue", "t", "-", "-q", "emails", stdin="{}\n" * 3)
    raw.xgroup_create(KEYS + "n", "w", "0")
    raw.xreadgroup("w", "stranger", {KEYS + "n": ">"}, count=2)
    raw.zadd(KEYS + "leases", {"sleeper": (time.time() - 60) * 1000})
    first, second = sh.ok("enqueue", "t", "-", "--in", "1h", "-q", "emails", stdin="{}\n" * 2).split()
    raw.hdel(KEYS + "jobs", first.partition("/")[2])
    raw.zrem(KEYS + "due", second.partition("/")[2])
    found = examine(taskq, sh.server.url, 1)
    assert "2 jobs stand in the name of stranger" in found["orphan_entries", "emails"]["what"]
    assert "sleeper fell silent" in found["silent_worker", "emails"]["what"]
    assert found["index_fault", "emails"]["severity"] == "problem"


@pytest.mark.foreign_keys
def test_keys_of_another_type_and_names_that_are_none(sh: Shell, taskq: Taskq) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    sh.ok("enqueue", "t", "-q", "reports")
    sh.server.raw.delete("taskq:{default/reports}:meta")
    sh.server.raw.set("taskq:{default/reports}:meta", "not a hash")
    sh.server.raw.sadd("taskq:default:queues", b"\x1b]52;c;AAAA\x07")
    found = examine(taskq, sh.server.url, 1)
    assert ("key_conflict", "reports") in found
    assert ("unserved", "emails") in found
    text = sh("doctor").stdout
    assert "key_conflict reports" in text
    assert "\x1b" not in text
    assert "\x07" not in text


# -- workers ----------------------------------------------------------------------------------


def test_a_worker_that_is_stuck_and_one_that_is_connected_and_takes_nothing(
    sh: Shell, staff: Staff, taskq: Taskq
) -> None:
    worker = staff.hire("--lease", "60s")
    worker.send(signal.SIGSTOP)
    # a claim that waits at the server already would still bring it a job
    wait_until(lambda: not any("b" in row["flags"] for row in sh.server.raw.client_list()), 10)
    staff.enqueue("quick")
    wait_until(lambda: (sh.records("queue", "ls")[0]["oldest_ready_s"] or 0) > 1.6, 20)
    assert {"not_consuming"} == checks(examine(taskq, sh.server.url, 1)) - {"not_persistent"}
    worker.kill()
    with Client(sh.server.url) as client:
        client.remove("emails")

    staff.hire("--lease", "1s")
    staff.enqueue("block")
    staff.running(1)
    wait_until(lambda: "worker_stuck" in checks(examine(taskq, sh.server.url)), 20)


def test_a_busy_worker_is_not_taken_for_one_that_takes_nothing(sh: Shell, staff: Staff, taskq: Taskq) -> None:
    staff.hire()
    staff.enqueue("sleep", count=3)
    staff.running(2)
    wait_until(lambda: (sh.records("queue", "ls")[0]["oldest_ready_s"] or 0) > 1.6, 20)
    assert checks(examine(taskq, sh.server.url)) <= {"not_persistent"}


def test_workers_of_several_versions_and_with_another_clock(sh: Shell, staff: Staff, taskq: Taskq) -> None:
    staff.hire()
    raw, ahead = sh.server.raw, (time.time() + 60) * 1000
    raw.zadd(KEYS + "leases", {"other": ahead})
    about = {"version": "0.0.1", "process": "other", "lease": 60_000, "seen": int(ahead) - 60_000 - 90_000}
    raw.hset(KEYS + "worker:other", mapping=about)
    raw.expire(KEYS + "worker:other", 60)
    found = examine(taskq, sh.server.url, 1)
    assert "0.0.1" in found["worker_versions", "workers"]["what"]
    assert "1m30s off" in found["clock", "other"]["what"]
