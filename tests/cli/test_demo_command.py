from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

from taskq_core import Client
from tests.conftest import Spawn, Taskq
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

QUEUES = ("emails", "images", "feeds")


def live_workers(client: Client) -> int:
    now = client.snapshot("feeds").at
    return sum(worker.expires_at > now for worker in client.workers("feeds"))


def demo_keys(server: Server) -> list[bytes]:
    """Keys of the demo that would stay for ever."""
    return [key for key in server.raw.scan_iter("*demo*") if server.raw.ttl(key) == -1]


def test_everything_is_done_or_dead_at_the_end_though_a_worker_was_killed(
    server: Server, taskq: Taskq
) -> None:
    done = taskq("demo", "--seconds", "3", "-o", "json", url=server.url)

    assert done.returncode == 0, done.stderr
    [sums] = json.loads(done.stdout)
    assert (sums["lost"], sums["unfinished"]) == (0, 0)
    assert sums["enqueued"] == sums["done"] + sums["dead"] > 1_000
    assert sums["failed"] == sums["retried"] + sums["dead"] > 0
    assert "kill -9" in done.stderr
    assert "nothing lost" in done.stderr
    assert "\x1b" not in done.stderr
    assert demo_keys(server) == []


def test_it_draws_in_place_on_a_terminal_of_80_columns(
    any_server: Server, clean_home: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = environment(clean_home, any_server.url, TERM="xterm-256color")
    with subprocess.Popen(
        [*taskq_command(), "demo", "--seconds", "1"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=tmp_path,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = "".join(iter(lambda: read(ours), ""))
    os.close(ours)

    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).replace("\r", "\n").split("\n")
    assert process.returncode == 0
    assert "P99 MS" in seen
    assert seen.count("READY") > 3  # frames
    # what is longer is a sentence, which the terminal wraps
    assert [line for line in lines if len(line) > 80 and not line.startswith("taskq: ")] == []


def read(terminal: int) -> str:
    """What has been written to the other end; nothing when it is closed."""
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:
        return ""


def test_ctrl_c_ends_its_workers_and_removes_what_it_made(
    any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    program = spawn([*taskq_command(), "demo"], any_server.url, TMPDIR=str(tmp_path))
    with Client(any_server.url, namespace="demo") as client:
        wait_until(lambda: client.snapshot("emails").totals.get("done", 0) > 0, 20)

        os.killpg(program.pid, signal.SIGINT)

        assert program.wait() == 130
        assert list(tmp_path.glob("taskq-demo-*")) == []
        assert all(client.workers(queue) == [] for queue in QUEUES)
    assert demo_keys(any_server) == []


def test_a_second_one_on_the_same_server_is_refused(
    any_server: Server, spawn: Spawn, taskq: Taskq, tmp_path: Path
) -> None:
    spawn([*taskq_command(), "demo"], any_server.url, TMPDIR=str(tmp_path))
    with Client(any_server.url, namespace="demo") as client:
        wait_until(lambda: client.snapshot("emails").totals.get("done", 0) > 0, 20)

        second = taskq("demo", "--seconds", "1", url=any_server.url)

        assert second.returncode == 5
        assert client.snapshot("emails").workers > 0


def test_one_that_was_killed_does_not_stand_in_the_way_of_the_next(
    any_server: Server, spawn: Spawn, taskq: Taskq, tmp_path: Path
) -> None:
    program = spawn([*taskq_command(), "demo"], any_server.url, TMPDIR=str(tmp_path))
    with Client(any_server.url, namespace="demo") as client:
        wait_until(lambda: client.snapshot("emails").totals.get("done", 0) > 0, 20)
        program.kill()
        wait_until(
            lambda: all(row.expires_at < client.snapshot("feeds").at for row in client.workers("feeds"))
        )

    assert taskq("demo", "--seconds", "1", url=any_server.url).returncode == 0
    assert demo_keys(any_server) == []


def test_a_demo_that_is_held_has_everything_that_can_be_wrong_and_leaves_nothing(
    any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    program = spawn([*taskq_command(), "demo", "--hold"], any_server.url, TMPDIR=str(tmp_path))
    with Client(any_server.url, namespace="demo") as client:
        wait_until(lambda: client.snapshot("invoices").ready_total > 0, 20, "jobs that nobody serves")
        wait_until(lambda: client.snapshot("feeds").totals.get("dead", 0) > 3, 20, "jobs that always fail")
        assert client.snapshot("invoices").workers == 0

        os.killpg(program.pid, signal.SIGINT)

        assert program.wait() == 130
    assert "taskq top --namespace demo" in program.stderr
    assert demo_keys(any_server) == []
