"""Nothing that stands in a job, wherever it came from, is ever imported, called, or made into an object."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskq_core import Client, InvalidName, JobDetail, State
from taskq_core.codec import decode_failure, decode_payload
from tests.cli.many import Many
from tests.conftest import Spawn
from tests.processes import ROOT, environment, taskq_command
from tests.scripts.rig import Rig
from tests.servers import Server
from tests.waiting import wait_until

TRAP = """
import pathlib
pathlib.Path(__file__).with_name("sprung").write_text("imported")
class Evil(Exception):
    def __init__(self, *args): pathlib.Path(__file__).with_name("sprung").write_text("made")
def run(*args, **kwargs): pathlib.Path(__file__).with_name("sprung").write_text("called")
"""
APP = """
from taskq_core import Job, TaskQueue
q = TaskQueue("q", retries=0)
@q.process("echo")
def echo(job: Job): return job.payload
@q.task()
def typed(name: str, options: dict) -> str: return name
"""
TASKS = [
    "trap.run",
    "trap.Evil",
    "os.system",
    "builtins.exec",
    "app.q.run",
    "__import__",
    "_malformed",
    "echo.__call__",
]
FOREIGN = [
    "trap:run",
    "../trap",
    "trap/run",
    "/etc/passwd",
    "file:trap.py",
    "lambda: 0",
    "!!python/name:trap.run",
]
PAYLOAD = {
    "__class__": "trap.Evil",
    "__type__": "trap.Evil",
    "__reduce__": ["trap.run", []],
    "__module__": "trap",
    "py/object": "trap.Evil",
    "py/reduce": [{"py/type": "trap.run"}, {"py/tuple": []}],
    "!!python/object/apply:trap.run": [],
    "handler": "trap.run",
    "task": "trap.run",
    "callback": "trap:run",
    "type": "trap.Evil",
    "$ref": "trap.py",
    "name": "trap.run",
    "options": {"backoff": "trap.run", "handler": "trap:run"},
}
FAILURE = {
    "type": "trap.Evil",
    "message": "trap.Evil('x')",
    "traceback": 'File "trap.py", line 1',
    "fingerprint": "",
}
META = {"r": 0, "b": [1000, 2.0, 1000], "handler": "trap.run", "__class__": "trap.Evil"}


@pytest.fixture
def rig(any_server: Server) -> Iterator[Rig]:
    """A queue on one kind of server: what is read is the same on all."""
    found = Rig(any_server, 2)
    yield found
    found.client.close()
    any_server.raw.flushall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder on the path of everything, with a module that tells when it is imported."""
    (tmp_path / "trap.py").write_text(TRAP)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def many(rig: Rig, folder: Path) -> Iterator[Many]:
    """Commands that find the trap where they look for modules."""
    found = Many(folder, environment(folder, rig.url, TERM="dumb"))
    yield found
    found.close()


def test_neither_names_nor_payloads_nor_errors_lead_to_an_import(
    rig: Rig, folder: Path, many: Many, spawn: Spawn
) -> None:
    buried = plant(rig)
    worker = spawn([*taskq_command(), "worker", "app:q", "-c", "3"], rig.url, PYTHONPATH=str(folder))
    wait_until(lambda: rig.totals().get("done") == 2, 30, "the jobs of known tasks")
    wait_until(lambda: rig.client.snapshot("q").ready_total + rig.client.snapshot("q").running == 0, 30)
    dead = rig.client.list_jobs("q", State.DEAD, limit=100).jobs

    assert len(dead) == len(TASKS) + len(FOREIGN) + buried
    retried = rig.client.retry("q", [job.ref.id for job in dead])
    assert any(change.done for change in retried)
    wait_until(lambda: rig.client.snapshot("q").ready_total + rig.client.snapshot("q").running == 0, 30)
    look_at_all(many, dead)
    assert worker.stop() == 128 + 15
    assert not (folder / "sprung").exists()
    assert "trap" not in worker.stderr.replace("trap.run", "").replace("trap.Evil", "").replace(
        "trap:run", ""
    )


def plant(rig: Rig) -> int:
    """Jobs that name the trap in every place there is; how many of them are dead already."""
    rig.client.enqueue("q", "echo", PAYLOAD)
    rig.client.enqueue("q", "typed", {"name": "trap.run", "options": PAYLOAD})
    for task in TASKS:
        rig.client.enqueue("q", task, PAYLOAD)
    for task in FOREIGN:
        with pytest.raises(InvalidName):
            rig.client.enqueue("q", task, {})
        rig.raw.xadd(rig.keys.streams[2], {task: json.dumps(PAYLOAD), "@": json.dumps(META)})
    record = f"n trap.run\n{json.dumps(META)}\n{json.dumps(FAILURE)}\n{json.dumps(PAYLOAD)}"
    rig.raw.hset(rig.keys.dead_jobs, "s1-900", record)
    # of this time, or it would be over its age
    rig.raw.zadd(rig.keys.dead, {"s1-900": time.time() * 1000})
    return 1


def look_at_all(many: Many, dead: list[JobDetail] | tuple[JobDetail, ...]) -> None:
    refs = [str(job.ref) for job in dead]
    for line in (
        "jobs", "jobs --state dead -o wide", "failures", "failures --group", "why q", "doctor", "top --once",
        "queue show q", "workers ls -o wide", "stats",
    ):  # fmt: skip
        many.run(*line.split())
    many.run("inspect", *refs)
    exported = many.run("export").stdout
    assert "trap.Evil" in exported
    imported = many.run("import", "-", stdin=exported)
    assert "Traceback" not in imported.stderr


def test_an_error_stays_text_and_a_payload_plain_values() -> None:
    failure = decode_failure(json.dumps(FAILURE).encode())
    assert failure is not None
    assert (type(failure).__name__, failure.type) == ("Failure", "trap.Evil")
    payload = decode_payload(json.dumps(PAYLOAD).encode())
    assert payload == PAYLOAD
    assert {type(value) for value in payload.values()} <= {str, list, dict}


def test_no_format_that_carries_code_is_read_anywhere() -> None:
    loads = re.compile(
        r"(?<![\w.])(exec|eval|__import__)\(|^\s*(from|import) (pickle|marshal|shelve|dill|yaml)\b", re.M
    )
    sources = [file for package in ("taskq_core", "taskq_cli") for file in (ROOT / package).rglob("*.py")]
    assert len(sources) > 100
    assert [str(file) for file in sources if loads.search(file.read_text())] == []


def test_a_client_makes_no_error_of_what_the_server_holds(rig: Rig) -> None:
    plant(rig)
    with Client(rig.url) as client:
        (job,) = client.list_jobs("q", State.DEAD).jobs
        assert job.error is not None
        assert type(job.error.type) is str
