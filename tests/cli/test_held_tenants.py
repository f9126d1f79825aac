"""Who and what holds jobs up is named: by `why`, `doctor`, `inspect`, `queue show` and the exporter."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from taskq_core import Client, ExporterOptions, JobOptions, JobRef, NewGroup, NewJob, State
from taskq_core.commands import work
from taskq_core.exporter import Exporter
from taskq_core.worker.verdict import Limits, failed_run
from tests.cli.conftest import Shell

ABOUT = {"host": "h", "slots": "4", "tasks": "t done", "process": "w"}


def add(client: Client, count: int, tenant: str | None = None, **options: Any) -> list[str]:
    """References of new jobs."""
    options |= {} if tenant is None else {"tenant": tenant}
    receipts = client.enqueue_many("q", "t", [{}] * count, JobOptions(**options))
    return [str(JobRef("q", receipt.id)) for receipt in receipts]


@contextlib.contextmanager
def crowded(sh: Shell) -> Iterator[Client]:
    """A queue with a worker by hand, tenants that are paused, limited and free, and a group that died."""
    with sh.client() as client:
        keys = client.keys("q")
        client.run(work.register(keys, "w", 60_000, ABOUT))
        client.groups.open("q", NewGroup("import-42", NewJob("done", {}), expected=1))
        add(client, 1, group="import-42")
        ((stream, rows),) = client.run(work.claim(keys, "w", work.Wanted(1))).batches
        (entry, fields), *_ = rows
        died = failed_run(
            work.job_of("q", stream, entry, fields, 1), Limits(0, (1, 1.0, 1), 0), ValueError("no")
        )
        assert client.run(work.fail(keys, "w", [died], revoked=False)) == 1
        client.tenants.pause("q", "acme")
        client.tenants.set("q", "beta", max_running=1)
        client.tenants.set("q", "late", rate="1/h")
        yield client


def test_who_holds_jobs_up_is_named(sh: Shell) -> None:
    with crowded(sh) as client:
        acme, beta = add(client, 5, "acme"), add(client, 4, "beta")
        add(client, 2, "late")
        gamma, plain = add(client, 30, "gamma"), add(client, 3)
        client.run(work.claim(client.keys("q"), "w", work.Wanted(5), flow=True))

        (queue,) = sh.records("why", "q")
        assert (queue["cause"], queue["also"]) == (
            "tenants_paused", ["tenants_limited", "groups_halted", "slots_busy"],
        )  # fmt: skip
        assert "1 tenant is paused, and 5 jobs wait for that: acme (5)." in queue["explanation"]
        assert (
            "4 jobs wait at limits of 2 tenants: beta (3, 1 of 1 running), late (1, rate 1/h)."
            in (queue["explanation"])
        )
        assert "Group import-42 does not go on: 1 member died." in queue["explanation"]
        assert (queue["todo"], queue["groups"]) == ("taskq tenant resume q acme", ["q/import-42"])
        assert (queue["tenants"], queue["held"], queue["ahead"]) == (["acme"], 5, 30)

        held, limited, far, first = sh.records("why", acme[2], beta[-1], gamma[-1], plain[-1])
        assert (held["cause"], held["ahead"]) == ("tenant_paused", 2)
        assert limited["cause"] == "tenant_limited"
        assert "tenant beta is at a limit of its own, 1 of 1 running; 2 jobs" in limited["explanation"]
        assert (far["cause"], far["ahead_is_estimate"]) == ("slots_busy", True)
        assert "of its tenant gamma, the rest of 3 others that take turns with it" in far["explanation"]
        assert far["ahead"] == 44 - 5 - 5 - 1  # all but those that run or are paused, and itself
        assert first["ahead"] < 10

        (dead,) = sh.records(
            "why", *[str(job.ref) for job in client.list_jobs("q", State.DEAD, limit=1).jobs]
        )
        assert dead["also"] == ["group_waits"]
        assert "its callback done comes once that is done" in dead["explanation"]

        done = sh("doctor", "-o", "ndjson")  # which has more to say of this server
        notes = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
        assert notes["tenants_paused"]["fix"] == "taskq tenant resume q acme"
        assert "beta (3, 1 of 1 running)" in notes["tenants_limited"]["what"]
        assert "filter group=import-42" in notes["groups_halted"]["fix"]
        assert "not_consuming" not in notes

        (shown,) = sh.records("inspect", acme[0])
        assert shown["held_by"] == ["tenant acme is paused"]
        assert sh.records("queue", "show", "q")[0]["held"] == 9


def test_the_exporter_tells_of_the_tenants_that_have_most(sh: Shell) -> None:
    with crowded(sh) as client:
        for tenant, count in (("acme", 5), ("beta", 4), ("gamma", 30), ("delta", 9)):
            add(client, count, tenant)
        add(client, 3)
        exporter = Exporter(sh.server.url, "default", ExporterOptions(max_tenants=2))
        try:
            sheet = exporter.sheet()
        finally:
            exporter.close()

        ready = {labels[1]: n for labels, n in sheet["taskq_tenant_jobs"].items() if labels[2] == "ready"}
        assert ready == {"gamma": 30, "delta": 9, "_other": 5 + 4 + 3}
        assert sheet["taskq_tenant_done_total"] == {("q", "gamma"): 0, ("q", "delta"): 0}
        assert sheet["taskq_jobs_held"] == {("q", "tenant"): 3, ("q", "tenant_pause"): 5}
        states = {labels[1]: n for labels, n in sheet["taskq_groups"].items()}
        assert {state: n for state, n in states.items() if n} == {"failed": 1}
        assert sheet["taskq_queue_jobs"]["q", "ready"] == sum(ready.values())
