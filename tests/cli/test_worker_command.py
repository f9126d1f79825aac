from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from taskq_core import Client
from tests.conftest import NewServer, Spawn, Taskq
from tests.processes import taskq_command
from tests.servers import Server
from tests.waiting import wait_until

APP = """
import asyncio, logging, os, time
from pathlib import Path
from taskq_core import TaskQueue

emails = TaskQueue("emails", concurrency=3)
reports = TaskQueue("reports")
log = logging.getLogger("app")

def note(text):
    with open("ran", "a") as file:
        file.write(text + "\\n")

@emails.process("send")
async def send(job):
    note(job.payload.get("to", "somebody"))

@emails.process("slow")
async def slow(job):
    note("began")
    await asyncio.sleep(float(job.payload["seconds"]))
    note("ended")

@emails.process("say")
async def say(job):
    log.warning(job.payload["text"])

@reports.process("build")
def build(job):
    note("built")
"""


@pytest.fixture(autouse=True)
def app(tmp_path: Path) -> Path:
    file = tmp_path / "app.py"
    file.write_text(APP)
    return file


def ran(folder: Path) -> list[str]:
    file = folder / "ran"
    return file.read_text().split() if file.exists() else []


def worker(*flags: str) -> list[str]:
    return [*taskq_command(), "worker", *flags]


def test_a_burst_worker_empties_the_queue_says_what_it_does_and_ends_with_0(
    server: Server, taskq: Taskq, tmp_path: Path
) -> None:
    with Client(server.url) as client:
        client.enqueue_many("emails", "send", [{"to": "a"}, {"to": "b"}])

    done = taskq("worker", "app:emails", "--burst", "-c", "2", url=server.url)

    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(ran(tmp_path)) == ["a", "b"]
    assert "default/emails: serving say, send, slow" in done.stderr
    assert "2 slots" in done.stderr
    assert "2 jobs done, 0 attempts failed" in done.stderr


def test_only_the_queues_asked_for_are_served(any_server: Server, taskq: Taskq, tmp_path: Path) -> None:
    with Client(any_server.url) as client:
        client.enqueue("emails", "send", {"to": "a"})
        client.enqueue("reports", "build", {})

        done = taskq("worker", "app.py", "-q", "reports", "--burst", url=any_server.url)

        assert (done.returncode, ran(tmp_path)) == (0, ["built"])
        assert client.snapshot("emails").ready_total == 1


def test_it_ends_after_as_many_jobs_as_it_was_given(any_server: Server, taskq: Taskq, tmp_path: Path) -> None:
    with Client(any_server.url) as client:
        client.enqueue_many("emails", "send", [{"to": str(n)} for n in range(10)])

        done = taskq("worker", "app:emails", "--max-jobs", "4", url=any_server.url)

        assert (done.returncode, len(ran(tmp_path))) == (0, 4)
        assert client.snapshot("emails").ready_total == 6


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_the_running_job_finish(
    how: signal.Signals, code: int, any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    with Client(any_server.url) as client:
        client.enqueue("emails", "slow", {"seconds": 0.4})
    program = spawn(worker("app:emails"), any_server.url)
    wait_until(lambda: ran(tmp_path), 20)

    program.send(how)

    assert program.wait() == code
    assert ran(tmp_path) == ["began", "ended"]


def test_what_does_not_finish_within_the_grace_is_given_back(
    any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    with Client(any_server.url) as client:
        client.enqueue("emails", "slow", {"seconds": 60})
        program = spawn(worker("app:emails", "--grace", "100ms"), any_server.url)
        wait_until(lambda: ran(tmp_path), 20)

        assert program.stop() == 143
        now = client.snapshot("emails")

    assert (now.ready_total, now.running) == (1, 0)


def test_ctrl_c_in_a_terminal_lets_the_jobs_of_all_processes_finish(
    any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    with Client(any_server.url) as client:
        client.enqueue_many("emails", "slow", [{"seconds": 0.4}] * 4)
    program = spawn(worker("app:emails", "--processes", "2"), any_server.url)
    wait_until(lambda: ran(tmp_path).count("began") == 4, 20)

    os.killpg(program.pid, signal.SIGINT)

    assert program.wait() == 130
    assert ran(tmp_path).count("ended") == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "MODULE:QUEUE"),
        (["nothing:queue"], "no module 'nothing'"),
        (["app:nothing"], "app:emails"),
        (["app:APP"], "app"),
        (["app", "-q", "images"], "emails, reports"),
        (["app:emails", "-c", "0"], "-c"),
        (["app:emails", "--lease", "1ms"], "lease"),
        (["app:emails", "--grace", "soon"], "duration"),
    ],
)
def test_what_cannot_be_right_ends_with_2_and_says_what_is(
    args: list[str], said: str, any_server: Server, taskq: Taskq
) -> None:
    done = taskq("worker", *args, url=any_server.url)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_app_that_does_not_load_ends_with_2_and_shows_where(
    any_server: Server, taskq: Taskq, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text('raise RuntimeError("bad \x1b[31m day")\n')

    done = taskq("worker", "broken", url=any_server.url)

    assert done.returncode == 2
    assert "broken.py" in done.stderr
    assert "RuntimeError: bad \\x1b[31m day" in done.stderr
    assert "\x1b" not in done.stderr
    assert "defect of taskq" not in done.stderr


def test_a_server_that_is_away_at_the_start_ends_it_with_3(taskq: Taskq, tmp_path: Path) -> None:
    done = taskq("worker", "app:emails", "--url", f"unix://{tmp_path}/nothing")

    assert done.returncode == 3
    assert "no answer" in done.stderr


def test_a_server_that_is_too_old_is_refused_at_the_start(new_server: NewServer, taskq: Taskq) -> None:
    done = taskq("worker", "app:emails", url=new_server("old").url)

    assert done.returncode == 1
    assert "too old" in done.stderr


def test_a_server_that_comes_up_soon_after_is_waited_for(
    new_server: NewServer, spawn: Spawn, tmp_path: Path
) -> None:
    server = new_server("valkey")
    server.stop()
    program = spawn(worker("app:emails"), server.url)
    wait_until(lambda: "trying for" in program.stderr, 20)

    server.start()
    with Client(server.url) as client:
        client.enqueue("emails", "send", {"to": "a"})

    wait_until(lambda: ran(tmp_path) == ["a"], 20)


def test_a_server_that_goes_away_later_is_waited_for(
    durable_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    with Client(durable_server.url) as client:
        client.enqueue("emails", "send", {"to": "before"})
        program = spawn(worker("app:emails"), durable_server.url)
        wait_until(lambda: ran(tmp_path), 20)

        durable_server.kill()
        durable_server.start()
        client.enqueue("emails", "send", {"to": "after"})
        wait_until(lambda: "after" in ran(tmp_path), 20)

    assert program.running


def test_the_url_reaches_queues_that_name_no_server_and_is_refused_by_those_that_do(
    any_server: Server, taskq: Taskq, tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        'from taskq_core import TaskQueue\nqueue = TaskQueue("emails", redis="redis://127.0.0.1:1")\n'
    )

    followed = taskq("worker", "app:emails", "--burst", "--url", any_server.url, "--namespace", "mine")
    refused = taskq("worker", "own.py", "--burst", "--url", any_server.url)

    assert followed.returncode == 0
    assert "mine/emails" in followed.stderr
    assert refused.returncode == 2
    assert "names its own server" in refused.stderr


def test_what_a_handler_logs_of_a_payload_cannot_drive_the_terminal(any_server: Server, taskq: Taskq) -> None:
    with Client(any_server.url) as client:
        client.enqueue("emails", "say", {"text": "\x1b]0;owned\x07\u202etxt\nWARNING forged"})

    done = taskq("worker", "app:emails", "--burst", url=any_server.url)

    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert not any(line.startswith("WARNING forged") for line in done.stderr.splitlines())
    assert "owned" in done.stderr


def test_quiet_says_nothing(any_server: Server, taskq: Taskq) -> None:
    done = taskq("worker", "app:emails", "--burst", "--quiet", url=any_server.url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
