"""The view in a real terminal, against a real server and real workers: by its keys alone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from taskq_cli.top.keymap import SCREENS
from taskq_core import Client, State
from tests.conftest import NewServer, Spawn
from tests.processes import Program, taskq_command
from tests.servers import Server
from tests.top.conftest import OpenTop
from tests.top.showing import SIZES
from tests.top.terminal import Terminal
from tests.waiting import wait_until

APP = """
import asyncio
from taskq_core import Backoff, TaskQueue
from datetime import timedelta

emails = TaskQueue("emails", concurrency=4)
feeds = TaskQueue("feeds", concurrency=4, retries=0)

@emails.process("send-email")
async def send_email(job):
    await asyncio.sleep(float(job.payload.get("seconds", 0.01)))

@feeds.process("fetch-feed")
def fetch_feed(job):
    raise TimeoutError("no answer from the feed")
"""
SEEN = {
    "overview": "WHAT IS WRONG", "queues": "emails", "jobs": "all queues", "failures": "dead jobs",
    "workers": "HOST", "schedules": "schedule", "events": "WHAT ", "charts": "emails", "server": "memory",
}  # fmt: skip


@pytest.fixture
def worker(any_server: Server, spawn: Spawn, tmp_path: Path) -> Program:
    """A worker of both queues."""
    _ = (tmp_path / "topapp.py").write_text(APP)
    program = spawn([*taskq_command(), "worker", "topapp", "--lease", "1s", "--quiet"], any_server.url)
    with Client(any_server.url) as client:
        wait_until(lambda: client.workers("emails") and client.workers("feeds"), 30, "the worker")
        _ = client.enqueue_many("feeds", "fetch-feed", [{}] * 3)
        wait_until(lambda: client.snapshot("feeds").dead == 3, 30, "dead jobs")
        # a slot stays free for what is retried
        _ = client.enqueue_many("emails", "send-email", [{"seconds": 600}] * 3)
        wait_until(lambda: client.snapshot("emails").running == 3, 30, "running jobs")
    return program


def leave(top: Terminal) -> None:
    """The view ends by its key, gives the screen back, and calls that a success."""
    top.press("q")
    _ = top.until("● live", gone=True)
    top.type("echo left with $?")
    _ = top.until("left with 0")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_screen_is_reached_by_its_key(
    size: tuple[int, int], any_server: Server, worker: Program, open_top: OpenTop
) -> None:
    top = open_top(any_server, size=size)
    for number, (name, _) in reversed(list(enumerate(SCREENS, 1))):
        top.press(str(number))
        text = top.until(SEEN[name], "? help", "● live")
        assert max(map(len, text.splitlines())) <= size[0]
    leave(top)


def test_changes_are_made_by_their_keys_after_a_confirm(
    any_server: Server, worker: Program, open_top: OpenTop
) -> None:
    top = open_top(any_server, size=(120, 40))
    with Client(any_server.url) as client:
        top.press("2", "/")
        _ = top.until("Show rows with")
        top.type("name~emails")
        _ = top.until("of 2 rows")
        top.press("P")
        _ = top.until("Pause")
        assert not client.snapshot("emails").paused
        top.press("n")
        _ = top.until("nothing was changed")
        assert not client.snapshot("emails").paused
        top.press("P")
        _ = top.until("Pause")
        top.press("y")
        _ = wait_until(lambda: client.snapshot("emails").paused)
        _ = top.until("‖ emails")

        top.press("4")
        _ = top.until("TimeoutError", "fetch-feed")
        top.press("Enter")
        _ = top.until("of group", "TimeoutError")
        top.press("*", "R")
        _ = top.until("Retry 3 jobs")
        assert client.snapshot("feeds").totals.get("retried", 0) == 0
        top.press("y")
        # they fail and die once more
        _ = wait_until(lambda: client.snapshot("feeds").totals.get("dead", 0) == 6, 20)
        top.press("4")
        _ = top.until("TimeoutError")
        top.press("D")
        _ = top.until("Delete")
        top.press("y")
        _ = wait_until(lambda: client.snapshot("feeds").dead == 0)


def test_in_a_read_only_view_no_key_changes_anything(
    any_server: Server, worker: Program, open_top: OpenTop
) -> None:
    top = open_top(any_server, "--read-only", size=(120, 40))
    _ = top.until("READ-ONLY")
    with Client(any_server.url) as client:
        before = [client.snapshot(queue) for queue in ("emails", "feeds")]
        for screen in "2345":
            top.press(screen, *"RKBDPXAES", "y")
        top.press("3", "Enter", *"RKBDPXAES", "y")
        top.press("7", "2")
        _ = top.until("5 MIN")
        after = [client.snapshot(queue) for queue in ("emails", "feeds")]
        assert [(s.totals, s.paused, s.dead, s.running) for s in before] == [
            (s.totals, s.paused, s.dead, s.running) for s in after
        ]
        assert len(client.list_jobs("feeds", State.DEAD).jobs) == 3


def test_a_killed_worker_is_seen(any_server: Server, worker: Program, open_top: OpenTop) -> None:
    top = open_top(any_server, size=(120, 40))
    _ = top.until("busy 3/4")
    worker.kill()
    _ = top.until("no worker serves it: 3 jobs are held", "busy 0/0", timeout=30)
    top.press("5")
    _ = top.until("HOST")
    assert " gone " in next(line for line in top.text().splitlines() if f" {worker.pid} " in line)


def test_another_size_of_the_window_and_a_time_in_the_background(
    any_server: Server, worker: Program, open_top: OpenTop
) -> None:
    top = open_top(any_server)
    assert "WORK" not in top.text()
    top.press("2")
    top.resize(160, 50)
    _ = top.until("WORK", "RUN99")
    top.resize(50, 12)
    _ = top.until("60x16")
    top.resize(80, 24)
    _ = top.until("● live", "emails")
    top.press("C-z")
    _ = top.until("Stopped")
    top.type("echo in the shell")
    _ = top.until("in the shell")
    top.type("fg")
    _ = top.until("● live", "emails")
    top.press("?")
    _ = top.until("On this screen")
    top.press("?", "C-l")
    _ = top.until("● live", "emails", "DEAD")


def test_a_server_that_ends_and_comes_again_is_no_exit(new_server: NewServer, open_top: OpenTop) -> None:
    server = new_server("valkey", aof=True)
    with Client(server.url) as client:
        _ = client.enqueue_many("emails", "send-email", [{}] * 1_234)
    top = open_top(server)
    _ = top.until("1 234", "● live")
    server.stop()
    _ = top.until("✖ disconnected", "1 234")
    server.start()
    _ = top.until("● live", "1 234", timeout=30)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        _ = top.until("◌ stale", timeout=15)
        top.press("2")
        _ = top.until("5 MIN")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    _ = top.until("● live", timeout=30)
    leave(top)


def test_a_protected_profile_wants_its_name_typed_for_a_single_pause(
    any_server: Server, open_top: OpenTop, clean_home: Path
) -> None:
    settings = clean_home / "config" / "taskq" / "config.toml"
    settings.parent.mkdir(parents=True)
    _ = settings.write_text(f'[profiles.prod]\nurl = "{any_server.url}"\nprotected = true\n')
    with Client(any_server.url) as client:
        _ = client.enqueue("emails", "send-email", {})
        top = open_top(any_server, "-P", "prod")
        for typed in ("y", "prod"):
            assert not client.snapshot("emails").paused
            top.press("P")
            _ = top.until("Pause emails?", "type prod and press enter")
            top.type(typed)
            _ = top.until("type prod", gone=True)
        _ = wait_until(lambda: client.snapshot("emails").paused)
