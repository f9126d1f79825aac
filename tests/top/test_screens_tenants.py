"""The screens of tenants and groups, with a server that is made up and with a real one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from taskq_cli.top.format import Pen
from taskq_cli.top.job_text import Sheet, readable
from taskq_cli.top.tenant_row import Pace
from taskq_core import (
    Client,
    GroupInfo,
    GroupRef,
    Job,
    JobOptions,
    JobRef,
    NewJob,
    Page,
    Priority,
    State,
    TaskQueue,
    TenantInfo,
    WorkerOptions,
)
from tests.servers import Server
from tests.top.answers import groups, job, tenants
from tests.top.live_view import live_view
from tests.top.showing import FakeClient, Showing, showing
from tests.top.world import FLOWS, ticks
from tests.waiting import until


def go_to(shown: Showing, name: str) -> None:
    rows = shown.app.view.rows
    assert rows is not None
    rows.go_to(name)


FEW = list(ticks(2))


def calls(client: FakeClient, name: str) -> list[tuple[Any, ...]]:
    return [args for called, args in client.calls if called == name]


def cells(shown: Showing, name: str) -> str:
    """The row of a tenant, with one blank between two cells."""
    return " ".join(shown.line(f" {name} ").split())


async def to_tenants(shown: Showing, queue: str) -> None:
    await shown.press("2")
    go_to(shown, queue)
    await shown.press("u")


# -- tenants ---------------------------------------------------------------------------------------


async def test_tenants_of_the_queue_under_the_cursor_are_listed_with_what_holds_them() -> None:
    client = FakeClient(list_jobs=no_job)
    async with showing(FEW, size=(160, 50), client=client) as shown:
        await to_tenants(shown, "imports")
        await shown.until("epsilon")
        assert "imports  5 tenants" in shown.frame()
        assert cells(shown, "beta") == "◇ beta limited 640 640 2/2 - 1 10 000 912"
        assert cells(shown, "gamma") == "◇ gamma limited 118 118 0 - 1 50/h 40"
        assert cells(shown, "delta").startswith("‖ delta paused 43 43 1 ")
        assert cells(shown, "acme").startswith("▸ ● acme active 12 000 0 ")
        assert shown.app.view.command() == "taskq tenant ls -q imports"
        # of very many those that were seen are looked at again
        shown.app.view.ask_soon()
        shown.app.draw()
        await until(lambda: len(calls(client, "busiest")) == 2)
        assert calls(client, "busiest")[0] == ("imports", ())
        assert calls(client, "busiest")[1] == ("imports", ("acme", "beta", "gamma", "delta", "epsilon"))

        go_to(shown, "beta")
        await shown.press("enter")
        await shown.until("with tenant=beta")
        assert shown.app.view.command() == "taskq jobs --state ready -q imports --filter tenant=beta"
        assert ASKED[-1] == ("imports", State.READY, "beta")
        await shown.press("escape", "escape")
        assert shown.app.view.id == "tenants"
        await shown.press("left_curly_bracket")
        assert "tenants are listed live only" in shown.frame()
        await shown.press("b")
        assert "groups are listed live only" in shown.frame()


ASKED: list[tuple[str, State, str | None]] = []


def no_job(queue: str, state: State, *, where: Any, **_: Any) -> Page:
    """Nothing; what was asked for is kept."""
    ASKED.append((queue, state, where.tenant))
    return Page((), "", 0)


async def test_a_tenant_is_paused_and_goes_on_when_that_was_agreed_to() -> None:
    client = FakeClient()
    async with showing(FEW, size=(120, 40), client=client) as shown:
        # without a queue under the cursor it shows that with tenants
        shown.app.action_go("tenants")
        await shown.until(" delta ")
        go_to(shown, "beta")
        await shown.press("P")
        await shown.until("taskq tenant pause imports beta")
        await shown.press("n")
        go_to(shown, "delta")
        await shown.press("P")
        await shown.until("Resume delta of imports")
        await shown.press("y")
        await shown.until("delta resumed")
    assert not calls(client, "pause tenant")
    assert calls(client, "resume tenant") == [("imports", "delta")]


async def test_where_there_are_neither_nothing_is_asked_and_no_key_is_offered() -> None:
    none = [replace(flow, tenants=0, groups=0) for flow in FLOWS]
    client = FakeClient(tenants=lambda queue: tenants(queue)[:1])
    async with showing(ticks(2, none), client=client) as shown:
        assert not {"u tenants", "b groups"} & set(shown.frame().splitlines()[-1].split("  "))
        shown.app.action_go("tenants")
        await shown.until("no queue has tenants")
        shown.app.action_go("groups")
        await shown.until("no group")
        assert not calls(client, "busiest")
        assert not calls(client, "groups")
        # what nobody has a limit of has no column
        await to_tenants(shown, "imports")
        await shown.until(" acme ")
        heading = shown.line("TENANT")
        assert not [title for title in ("HELD", "RATE", "MOST") if title in heading]
        assert "WEIGHT" in heading


def test_jobs_done_a_second_are_those_between_two_answers() -> None:
    now = 0.0
    pace = Pace(lambda: now)

    def answer(at: float, **done: int) -> None:
        nonlocal now
        now = at
        pace.add([TenantInfo("q", name, done=count) for name, count in done.items()])

    answer(0, a=0)
    assert pace.of("a") is None
    answer(4, a=40, b=5)
    assert pace.of("a") == pytest.approx(10)
    assert pace.of("b") is None
    answer(12, a=120, b=5)
    answer(16, a=40, b=21)  # it had no jobs meanwhile, and its count began anew
    assert pace.of("a") == 0
    assert pace.of("b") == pytest.approx(16 / 12)
    assert pace.of("c") is None


# -- groups ----------------------------------------------------------------------------------------


async def test_groups_are_listed_with_how_far_they_are_and_what_to_do() -> None:
    def with_an_old_one(queue: str, **_: Any) -> list[GroupInfo]:
        end = FEW[-1].frame.at - timedelta(minutes=6)
        return [*groups(queue), GroupInfo(GroupRef(queue, "old"), 3, 3, finished_at=end)]

    client = FakeClient(groups=with_an_old_one, list_jobs=no_job)
    async with showing(FEW, size=(120, 40), client=client) as shown:
        await shown.press("b")
        await shown.until("feeds/import-43")
        assert "feeds/old" not in shown.frame()
        # only queues that have groups are asked, and a page of each
        assert set(calls(client, "groups")) == {("feeds", 100)}
        assert "95%" in shown.line("▸ ✖ feeds/import-43")
        assert "failed" in shown.line("▸ ✖ feeds/import-43")
        assert "2 members died: enter lists them" in shown.frame()
        # all that were promised count, not only those that were added
        assert "25%" in shown.line("● feeds/import-42")
        await shown.press("down")
        await shown.until("650 members to go; report comes when all are done")
        go_to(shown, "feeds/night-1")
        await shown.until("report was enqueued")
        goal = shown.app.view.goal()
        assert goal is not None
        assert (goal.screen, str(goal.about)) == ("job", "feeds/n1767614000000-0")
        go_to(shown, "feeds/import-43")
        assert shown.app.view.command() == "taskq group show feeds/import-43"
        await shown.press("enter")
        await shown.until("with group=import-43")
        assert ASKED[-1][:2] == ("feeds", State.DEAD)
        assert "R retry" in shown.frame().splitlines()[-1]


def test_a_job_says_whose_it_is_and_what_it_belongs_to() -> None:
    member = replace(
        job("q", State.READY, 1), ref=JobRef("q", "n1767614000000-0@acme"), group="import-42",
        concurrency_key="user:5", then=("resize", "report"), after=JobRef("q", "n1-0"),
    )  # fmt: skip
    lines = readable(member, [], Sheet(80, Pen(), FEW[-1].frame.at))
    facts = {line[0][0].strip(): line[1][0] for line in lines if len(line) == 2}
    assert {"tenant": "acme", "group": "import-42", "limited by": "key user:5", "then": "resize, report",
            "after": "q/n1-0"}.items() <= facts.items()  # fmt: skip
    assert "callback of" not in facts


# -- a real server ---------------------------------------------------------------------------------


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Client]:
    """A worker with free slots in a queue that tenants hold, beside a group that failed."""
    queue = TaskQueue("images", redis=server.url, retries=0)

    @queue.process("resize")
    def resize(job: Job) -> None:
        if job.payload.get("bad"):
            raise ValueError("no image")

    with Client(server.url) as client:
        client.tenants.pause("images", "acme")
        client.tenants.set("images", "beta", rate="1/h")
        await queue.add_many("resize", [{}, {}, {}], tenant="acme")
        await queue.add_many("resize", [{}, {}], tenant="beta")
        members = [{}, {}, {"bad": True}]
        await queue.add_many("resize", members, group="import-42", callback=NewJob("report", {}))
        work = asyncio.create_task(queue.work(WorkerOptions(concurrency=4, grace=timedelta(seconds=1))))
        try:
            yield client
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await queue.close()


@pytest.mark.timeout(60)
async def test_a_queue_that_tenants_hold_says_so_and_leads_to_them(any_server: Server) -> None:
    async with served(any_server) as client, live_view(any_server, size=(130, 40)) as shown:
        await until(lambda: client.snapshot("images").totals.get("dead") == 1, 20, "the group's end")
        shown.app.source.attend(())
        await shown.press("2")
        # one of beta's may start at once
        await until(lambda: "◇ images" in shown.frame() and "HELD" in shown.frame(), 20, "limited")
        await shown.press("u")
        await until(lambda: "acme paused 3 3" in cells(shown, "acme"), 20, "acme")
        assert "beta limited 1 1 0" in cells(shown, "beta")
        await shown.press("P")
        await shown.until("taskq tenant resume images acme")
        await shown.press("y")
        await shown.until("acme resumed")
        await until(lambda: not client.tenants.get("images", "acme").ready_total, 20, "acme's jobs")
        await shown.press("b")
        await until(lambda: "66%" in shown.line("✖ images/import-42"), 20, "the group")
        await shown.press("enter")
        await shown.until("ValueError")


def test_the_busiest_of_very_many_are_found_in_a_few_looks(any_server: Server) -> None:
    with Client(any_server.url) as client:
        jobs = [
            NewJob("t", {}, JobOptions(tenant=f"t{n:03}"))
            for n in range(400)
            for _ in range(30 if n % 80 == 7 else 1)
        ]
        client.enqueue_jobs("q", jobs)
        wanted = {f"t{n:03}" for n in range(400) if n % 80 == 7}
        assert client.snapshot("q").tenants == 400
        known: tuple[str, ...] = ()
        for _ in range(60):
            found = client.tenants.busiest("q", known)
            assert len(found) == 100
            known = tuple(info.name for info in found)
            if wanted <= set(known[:5]):
                break
        assert set(known[:5]) == wanted
        # of many that only have limits, some
        for n in range(101):
            client.tenants.set("calm", f"t{n:03}", weight=2)
        told = {info.name for info in client.tenants.busiest("calm", ["nobody", "t007"])}
        assert {f"t{n:03}" for n in range(99)} <= told
        assert "nobody" not in told
        # of few all are told of, also one that has limits alone; one that is not known is not made up
        client.tenants.set("few", "idle", weight=2)
        client.enqueue("few", "t", {}, JobOptions(tenant="acme"))
        assert [info.name for info in client.tenants.busiest("few", ["nobody"])] == ["acme", "idle"]
        assert client.tenants.busiest("none", ["nobody"]) == ()
        assert client.tenants.busiest("few")[0].ready[Priority.NORMAL] == 1
