"""What one command prints, another reads; a terminal changes no data; stdout holds nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from taskq_cli.options import FORMATS
from taskq_core import Client, Discard, Job, JobOptions, TaskQueue, WorkerOptions
from tests.cli.many import Many
from tests.processes import environment
from tests.servers import Server

MACHINE = ("", "tsv", "csv", "json", "ndjson", "name")
"""All but tables; the first is what a pipe gets without -o."""
PRODUCERS = {
    "jobs": (["jobs"], ""),
    "jobs of one state": (["jobs", "--state", "dead"], ""),
    "failures": (["failures"], ""),
    "inspect": (["inspect", "-"], "all"),
    "enqueue": (["enqueue", "t", "-", "-q", "more", "--in", "1h"], "payloads"),
    "retry": (["retry", "-"], "dead"),
    "cancel": (["cancel", "-", "--yes"], "waiting"),
    "bury": (["bury", "-", "--yes"], "scheduled"),
    "delete": (["delete", "-", "--yes"], "dead"),
    "wait": (["wait", "-"], "ended"),
    "result": (["result", "-"], "ended"),
    "why": (["why", "-"], "waiting"),
    "export": (["export"], ""),
}
ONLY = {"export": ("", "ndjson", "json"), "result": ("tsv", "csv", "json", "ndjson", "name")}
"""`result` without -o prints the bare results, for `jq`, and no ids."""
CONSUMERS = (["inspect", "-", "-o", "name"], ["retry", "-", "--dry-run"], ["why", "-", "-o", "name"])
REFERENCE = re.compile(r"[a-z]+/[chnls]\d+-\d+")


@dataclass(frozen=True, slots=True)
class Here:
    """A server with jobs in some states, and how commands are run on it."""

    many: Many
    jobs: dict[str, list[str]]

    def stdin(self, kind: str) -> str:
        return "\n".join([*self.jobs[kind], ""]) if kind else ""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Many]]:
    """A server, and what runs commands on it."""
    folder = tmp_path_factory.mktemp("formats")
    server = Server("valkey").start()
    many = Many(folder, environment(folder, server.url, COLUMNS="300", TERM="dumb"))
    yield server, many
    many.close()
    server.remove()


@pytest.fixture
def here(place: tuple[Server, Many]) -> Here:
    """New jobs, and nothing else."""
    server, many = place
    server.raw.flushall()
    return Here(many, _jobs(server))


def _jobs(server: Server) -> dict[str, list[str]]:
    tasks = TaskQueue("emails", redis=server.url, retries=0)

    @tasks.process("run")
    def run(job: Job) -> Any:
        if job.payload["n"] % 2:
            raise Discard('tab\there, a comma and "quotes"')
        return {"n": job.payload["n"]}

    keep = JobOptions(keep=timedelta(hours=1))
    ran = [str(tasks.add_sync("run", {"n": n}, options=keep)) for n in range(6)]
    tasks.run(WorkerOptions(burst=True))
    tasks.close_sync()
    with Client(server.url) as client:
        hour = JobOptions(delay=timedelta(hours=1))
        ready = [str(client.enqueue("emails", "later", {"a": "b,c"}))]
        scheduled = [str(client.enqueue("emails", "later", {}, hour)) for _ in range(3)]
    dead, done = ran[1::2], ran[::2]
    return {
        "dead": dead,
        "ended": done,
        "scheduled": scheduled,
        "waiting": ready + scheduled,
        "all": dead + ready + scheduled,
        "payloads": ['{"n": 1}', '{"n": 2}'],
    }


CASES = [(name, form) for name in PRODUCERS for form in MACHINE if form in ONLY.get(name, MACHINE)]


@pytest.mark.parametrize(("name", "form"), CASES, ids=lambda value: value or "pipe")
def test_each_output_is_an_input(here: Here, name: str, form: str) -> None:
    words, kind = PRODUCERS[name]
    done = here.many.run(*words, *(["-o", form] if form else []), stdin=here.stdin(kind))
    assert done.returncode == 0, done.stderr
    named = set(REFERENCE.findall(done.stdout)) if name != "export" else set(here.jobs["all"])
    assert named

    for consumer in CONSUMERS:
        read = here.many.run(*consumer, stdin=done.stdout)
        wrong = [line for line in read.stderr.splitlines() if "line" in line]
        # a job that the producer has just ended is not there any more, but its name was read
        assert wrong == [], (consumer, done.stdout)
        if consumer[0] == "retry":
            assert f"would retry {len(named)} jobs" in read.stderr


LISTS = (
    ["jobs"],
    ["failures"],
    ["queue", "ls"],
    ["queue", "show", "emails"],
    ["stats"],
    ["why", "emails"],
    ["workers", "ls"],
)
VOLATILE = re.compile(r"^at$|_s$|_at$|^now|_ms$|memory|rate|eta|per_")


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
@pytest.mark.parametrize("form", ["ndjson", "json", "csv", "tsv", "name"])
def test_a_terminal_gets_the_same_data(here: Here, words: list[str], form: str) -> None:
    piped = here.many.run(*words, "-o", form)
    shown = here.many.run(*words, "-o", form, tty=True)

    assert piped.returncode == shown.returncode == 0
    narration = piped.stderr.replace("\n", "\r\n")
    data = shown.stdout.removesuffix(narration).replace("\r\n", "\n")
    assert _steady(data, form) == _steady(piped.stdout, form)


IN_A_WHILE = re.compile(r"\bin (\d+(d|h|ms|m|s))+\b")


def _steady(text: str, form: str) -> Any:
    """The data without what changes from one moment to the next."""
    text = IN_A_WHILE.sub("in a while", text)
    if form in ("json", "ndjson"):
        found = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
        return [{key: value for key, value in record.items() if not VOLATILE.search(key)} for record in found]
    if form in ("csv", "tsv"):
        rows = csv.reader(io.StringIO(text), delimiter="," if form == "csv" else "\t")
        return [len(row) for row in rows]
    return text


PRINTERS = [*LISTS, ["inspect", "-"], ["wait", "-"], ["retry", "-"], ["doctor"]]


@pytest.mark.parametrize("words", PRINTERS, ids=" ".join)
def test_every_line_of_stdout_is_data(here: Here, words: list[str]) -> None:
    kind = {"inspect": "all", "wait": "ended", "retry": "dead"}.get(words[0], "")
    done = here.many.run(*words, "-o", "ndjson", stdin=here.stdin(kind))
    for line in done.stdout.splitlines():
        assert re.fullmatch(r"taskq\.[a-z-]+/\d+", json.loads(line)["schema"])
    rows = here.many.run(*words, "-o", "csv", stdin=here.stdin(kind)).stdout
    assert len({len(row) for row in csv.reader(io.StringIO(rows))}) == 1
    assert "taskq:" not in rows


@pytest.mark.parametrize("form", FORMATS)
def test_fields_are_picked_in_every_format(here: Here, form: str) -> None:
    done = here.many.run("jobs", "--json", "id,task", "-o", form)
    assert done.returncode == 0, done.stderr
    assert "later" in done.stdout or form == "name"
    assert "enqueued" not in done.stdout.lower()
