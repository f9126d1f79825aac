"""docs/wire-format.md: a job from any program with a Redis connection, by one call."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from taskq_core import AsyncClient, Client, Job, JobRef, Priority, State, TaskQueue
from taskq_core.scripts import script
from tests.processes import ROOT
from tests.servers import Server, missing
from tests.waiting import until

PAYLOAD = {"to": "user@example.com", "subject": "Grüße"}
PREFIX = "taskq:{default/emails}:"


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(argv[0]) is None:
        missing(f"{argv[0]} is not installed")
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("node", str(ROOT / "examples" / "node" / "enqueue.mjs"), *arguments)


async def worked(server: Server, *, expected: int) -> list[Job]:
    """Runs a real worker on the queue until it has done so many jobs; the jobs, in order."""
    queue = TaskQueue("emails", redis=server.url)
    jobs: list[Job] = []

    @queue.process("send-email")
    async def send_email(job: Job) -> None:
        assert isinstance(job.payload, dict)
        jobs.append(job)

    work = asyncio.create_task(queue.work())
    await until(lambda: len(jobs) >= expected, what=f"{expected} jobs to run")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return jobs


async def test_one_call_from_node_enqueues_a_job_that_a_worker_runs(server: Server) -> None:
    for url in (server.tcp_url, server.url):
        sent = node(url, "emails", "send-email", json.dumps(PAYLOAD))
        assert sent.returncode == 0, sent.stderr

        [job] = await worked(server, expected=1)

        assert str(job.ref) == sent.stdout.strip()
        assert job.payload == PAYLOAD


def test_the_node_example_says_why_it_failed(server: Server) -> None:
    server.raw.set(f"{PREFIX}n", "not a stream")

    refused = node(server.tcp_url, "emails", "send-email")
    nobody = node("redis://127.0.0.1:1", "emails", "send-email")
    wrong = node(server.tcp_url, "emails")

    assert (refused.returncode, nobody.returncode, wrong.returncode) == (1, 1, 2)
    assert "WRONGTYPE" in refused.stderr
    assert "ECONNREFUSED" in nobody.stderr
    assert wrong.stderr.startswith("usage:")


async def test_xadd_by_redis_cli_enqueues_a_job_that_a_worker_runs(server: Server) -> None:
    sent = run(
        "redis-cli", "-s", str(server.socket), "XADD", f"{PREFIX}h", "*", "send-email", json.dumps(PAYLOAD)
    )

    with Client(server.url) as client:
        detail = client.inspect(JobRef("emails", f"h{sent.stdout.strip()}"))
    [job] = await worked(server, expected=1)

    assert (detail.state, detail.priority, detail.attempts) == (State.READY, Priority.HIGH, 0)
    assert (job.ref, job.payload) == (detail.ref, PAYLOAD)


async def test_an_idle_worker_sees_a_job_that_came_without_a_wake_up(server: Server) -> None:
    queue = TaskQueue("emails", redis=server.url)
    started = asyncio.Event()

    @queue.process("send-email")
    async def send_email(job: Job) -> None:
        started.set()

    work = asyncio.create_task(queue.work())
    async with AsyncClient(server.url) as client:
        await until(lambda: client.workers("emails"), what="a worker")
    server.raw.xadd(f"{PREFIX}n", {"send-email": "{}"})
    # documented: within a second; the rest is room for a busy machine
    await asyncio.wait_for(started.wait(), 3)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_the_second_field_carries_options(server: Server) -> None:
    entry = server.raw.xadd(f"{PREFIX}n", {"send-email": "{}", "@": '{"r":5,"t":30000,"k":60000}'}).decode()

    async with AsyncClient(server.url) as client:
        detail = await client.inspect(JobRef("emails", f"n{entry}"))

    assert (detail.retries, detail.timeout, detail.keep) == (5, timedelta(seconds=30), timedelta(minutes=1))


async def test_a_payload_that_is_no_json_object_ends_in_the_dead_letter_queue(server: Server) -> None:
    server.raw.xadd(f"{PREFIX}n", {"send-email": "\x1b]52;c;not json"})
    server.raw.xadd(f"{PREFIX}n", {"send-email": "[1]"})
    server.raw.xadd(f"{PREFIX}n", {"send-email": "{}"})

    await worked(server, expected=1)

    async with AsyncClient(server.url) as client:
        page = await client.list_jobs("emails", State.DEAD)
    assert sorted(job.payload for job in page.jobs) == [b"\x1b]52;c;not json", b"[1]"]


def full_form(raw: Any, number: int, group: list[str], *locks: str) -> str:
    """EVAL of the enqueue script, with KEYS and ARGV as the page lists them."""
    suffixes = [*"chnl", "jobs", "due", "moved", "wake", "meta", "stats", "t", "producer:b3f1c2", *locks]
    limits = ["120000", "262144", "7200", "64"]
    keys = [PREFIX + suffix for suffix in suffixes]
    reply = raw.eval(script("enqueue").source, len(keys), *keys, str(number), *limits, *group)
    return str(reply.decode())


def test_the_full_form_adds_a_batch_once_however_often_it_is_sent(server: Server) -> None:
    group = ["n", "send-email", "3", "", "", "", "0", '{"a":1}', '{"a":2}', '{"a":3}']

    first = full_form(server.raw, 1, group)
    again = full_form(server.raw, 1, group)

    assert first == again
    assert re.fullmatch(r"n\d+-0\*3", first)
    with Client(server.url) as client:
        snapshot = client.snapshot("emails")
    assert (snapshot.ready_total, snapshot.totals["enqueued"]) == (3, 3)


def test_the_full_form_delays(server: Server) -> None:
    reply = full_form(server.raw, 1, ["n", "send-email", "1", "+60000", '{"r":0}', "", "0", "{}"])

    with Client(server.url) as client:
        detail = client.inspect(JobRef("emails", reply.removesuffix("*1")))
    assert (detail.state, detail.retries) == (State.SCHEDULED, 0)


def test_the_full_form_knows_uniqueness(server: Server) -> None:
    group = ["n", "send-email", "1", "", '{"u":"ann"}', "13", "60000", "{}"]

    first = full_form(server.raw, 1, group, "unique:ann")
    second = full_form(server.raw, 2, group, "unique:ann")

    assert second == f"={first}"


def test_the_full_form_works_from_redis_cli_as_the_page_shows_it(server: Server, tmp_path: Path) -> None:
    (tmp_path / "enqueue.lua").write_text(script("enqueue").source)
    page = (ROOT / "docs" / "wire-format.md").read_text()
    command = re.search(r"^\$ redis-cli --eval.*?\n\"", page, re.DOTALL | re.MULTILINE)
    assert command is not None
    line = command[0][2:-1].replace("redis-cli", f"redis-cli -s {server.socket}")
    if shutil.which("redis-cli") is None:
        missing("redis-cli is not installed")

    sent = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert re.fullmatch(r"s\d+-1\*1", sent.stdout.strip().strip('"')), sent
