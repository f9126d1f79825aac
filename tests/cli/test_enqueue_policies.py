"""`taskq enqueue` with a key that is taken, and with a queue that is full."""

from __future__ import annotations

import json
import shlex
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taskq_core import State
from tests.cli.conftest import Shell
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.scripts.rig import Rig
from tests.waiting import wait_until

KEY = ("enqueue", "t", "-q", "emails", "--unique", "k")


def receipt(sh: Shell, *words: str, code: int = 0) -> tuple[dict[str, object], str]:
    done = sh(*words, "-o", "ndjson")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_debounced_job_is_put_off_and_says_so(sh: Shell) -> None:
    first, quiet = receipt(sh, *KEY, "n:=1", "--debounce", "1h")
    second, said = receipt(sh, *KEY, "n:=2", "--debounce", "2h", "--debounce-max", "3h")

    assert quiet == ""
    assert first == {
        "schema": "taskq.receipt/1", "id": first["id"], "queue": "emails", "duplicate": False,
        "replaced": False, "postponed": False, "running": False, "held_until": None,
    }  # fmt: skip
    assert second == first | {"replaced": True, "postponed": True}
    assert f"postponed and replaced: {first['id']} waits under the key 'k'" in said
    job = sh.records("inspect", str(first["id"]))[0]
    assert (job["payload"], job["debounce_s"], job["debounce_max_s"]) == ({"n": 2}, 3600, 36_000)
    (why,) = sh.records("why", str(first["id"]))
    assert (why["cause"], why["due_at"]) == ("debounced", job["due_at"])
    assert sh(*KEY, "--debounce", "1h", "--no-replace").stderr.startswith("taskq: postponed: ")


def test_a_replaced_job_is_no_error_and_a_running_one_is(sh: Shell) -> None:
    first, _ = receipt(sh, *KEY, "n:=1")
    second, said = receipt(sh, *KEY, "n:=2", "--replace")
    assert (second["id"], second["replaced"]) == (first["id"], True)
    assert "replaced: " in said

    rig = Rig(sh.server, 3, "emails")
    rig.hire()
    assert [job.payload for job in rig.claim()] == [{"n": 2}]
    third, said = receipt(sh, *KEY, "n:=3", "--replace", code=5)
    rig.client.close()

    assert (third["duplicate"], third["running"]) == (True, True)
    assert "is running, so its payload stays; nothing was enqueued" in said


def test_a_throttled_key_says_until_when(sh: Shell) -> None:
    first, _ = receipt(sh, *KEY, "--throttle", "1h")
    sh.client().purge("emails", State.READY)

    second, said = receipt(sh, *KEY, code=5)

    assert second["id"] == first["id"]
    until = datetime.fromisoformat(str(second["held_until"]))
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert str(second["held_until"]) in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--throttle", "1h"], "throttle needs a unique key"),
        (["--unique", "k", "--debounce", "1h", "--in", "1h"], "debounce goes without delay"),
        (["--unique", "k", "--debounce-max", "1h"], "debounce_max needs debounce"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(sh: Shell, flags: list[str], words: str) -> None:
    done = sh("enqueue", "t", *flags)
    assert done.returncode == 2
    assert words in done.stderr


def test_lines_bring_policies_of_their_own(sh: Shell) -> None:
    asked: list[dict[str, object]] = [
        {"unique": "a", "debounce": "1h"},
        {"unique": "b", "throttle": 3600},
        {"unique": "a", "debounce": "1h", "debounce_max": "2h"},
        {"unique": "b", "replace": True},
    ]
    lines = [{"task": "t", "payload": {"n": n}, **options} for n, options in enumerate(asked)]
    done = sh("enqueue", "-", stdin="".join(json.dumps(line) + "\n" for line in lines))

    assert done.returncode == 0
    a, b, again, replaced = done.stdout.splitlines()
    assert (again, replaced) == (a, b)
    assert "2 enqueued, 2 postponed or replaced" in done.stderr
    assert [sh.records("inspect", ref)[0]["payload"] for ref in (a, b)] == [{"n": 2}, {"n": 3}]


# -- when it is full ------------------------------------------------------------------------------


def test_one_job_waits_for_room_and_gives_up_in_time(sh: Shell) -> None:
    client = sh.client()
    client.configure("emails", max_jobs=1)
    client.enqueue("emails", "t", {})
    assert sh("enqueue", "t", "-q", "emails", "--wait-for-room=100ms").returncode == 5

    timer = threading.Timer(0.5, lambda: client.purge("emails", State.READY))
    timer.start()
    assert sh("enqueue", "t", "-q", "emails", "--wait-for-room").returncode == 0
    timer.join()
    client.close()


def test_a_stream_goes_in_as_room_comes_and_the_limit_holds(sh: Shell) -> None:
    client = sh.client()
    client.configure("emails", max_jobs=300)
    done = threading.Event()
    most = 0

    def work() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, client.snapshot("emails").ready_total)
            client.purge("emails", State.READY, limit=50)
            time.sleep(0.005)

    worker = threading.Thread(target=work)
    worker.start()
    lines = [json.dumps({"task": "t", "priority": "high" if n % 3 else "low"}) for n in range(1_500)]
    uniform = sh("enqueue", "t", "-", "-q", "emails", "--wait-for-room=30s", stdin='{"n":1}\n' * 2_500)
    mixed = sh("enqueue", "-", "-q", "emails", "--wait-for-room=30s", stdin="\n".join(lines))
    done.set()
    worker.join()
    client.close()

    assert (uniform.returncode, mixed.returncode) == (0, 0), uniform.stderr + mixed.stderr
    assert len(set(uniform.stdout.splitlines() + mixed.stdout.splitlines())) == 4_000
    assert 0 < most <= 300


def test_an_interrupt_ends_the_wait_and_each_line_is_answered(
    sh: Shell, spawn: Spawn, tmp_path: Path
) -> None:
    client = sh.client()
    client.configure("emails", max_jobs=100)
    (tmp_path / "lines").write_text("{}\n" * 500)
    command = shlex.join([*taskq_command(), "enqueue", "t", "-", "-q", "emails", "--wait-for-room"])
    stream = spawn(["bash", "-c", f"exec {command} < {tmp_path / 'lines'}"], sh.server.url)
    wait_until(lambda: client.snapshot("emails").ready_total >= 75, 20, "what there was room for")

    stream.send(signal.SIGINT)

    assert stream.wait() == 130
    answers = stream.stdout.splitlines()
    added = [line for line in answers if line.startswith("emails/")]
    assert len(answers) == 500
    assert len(added) == client.snapshot("emails").ready_total
    assert "is full" in json.loads(answers[-1])["error"]
    client.close()
