"""The screen of schedules, with a server that is made up and with a real one."""

from __future__ import annotations

from taskq_core import Client, Schedule
from tests.attacks import ATTACKS
from tests.servers import Server
from tests.top.showing import FakeClient, Showing, showing


def go_to(shown: Showing, name: str) -> None:
    rows = shown.app.view.rows
    assert rows is not None
    rows.go_to(name)


async def test_schedules_are_listed_with_what_is_wrong_first() -> None:
    async with showing(size=(160, 50)) as shown:
        await shown.press("6")
        await shown.until("feeds/fetch")
        lines = [line for line in shown.frame().splitlines() if "/" in line and "emails" in line]
        assert "overdue" in lines[0]
        assert "-89s" in shown.line("emails/late")
        assert "paused" in shown.line("emails/beat")
        assert " 95s" in shown.line("feeds/fetch")
        assert "40ms" in shown.line("feeds/fetch")
        # it was declared in code, and no worker of its queue declares it now
        assert "orphan" in shown.line("feeds/fetch")
        go_to(shown, "reports/nightly")
        assert shown.app.view.command() == "taskq schedule show reports/nightly"
        goal = shown.app.view.goal()
        assert goal is not None
        assert (goal.screen, str(goal.about)) == ("job", "reports/n1767614000000-0")


async def test_without_any_it_says_how_to_make_one() -> None:
    async with showing(client=FakeClient(schedules=[])) as shown:
        await shown.press("6")
        await shown.until("taskq schedule add")
        assert shown.app.view.command() == "taskq schedule ls"


async def test_a_change_is_made_when_it_was_agreed_to() -> None:
    client = FakeClient()
    async with showing(size=(120, 40), client=client) as shown:
        await shown.press("6")
        await shown.until("feeds/fetch")
        go_to(shown, "feeds/fetch")
        await shown.press("P")
        await shown.until("Pause feeds/fetch")
        assert "taskq schedule pause feeds/fetch" in shown.frame()
        await shown.press("n")
        assert not [call for call in client.calls if call[0] == "pause"]
        go_to(shown, "emails/beat")
        await shown.press("P")
        await shown.until("Resume emails/beat")
        await shown.press("y")
        await shown.until("emails/beat resumed")
        await shown.press("T")
        await shown.until("Trigger emails/beat")
        await shown.press("y")
        await shown.until("enqueued")
    made = [(name, str(args[0])) for name, args in client.calls if name in ("pause", "resume", "trigger")]
    assert made == [("resume", "emails/beat"), ("trigger", "emails/beat")]


async def test_a_read_only_view_changes_no_schedule() -> None:
    client = FakeClient()
    async with showing(client=client, read_only=True) as shown:
        await shown.press("6")
        await shown.until("feeds/fetch")
        await shown.press("P", "T", "y")
        assert not [call for call in client.calls if call[0] in ("pause", "resume", "trigger")]


async def test_schedules_of_a_real_server_whatever_is_in_them(any_server: Server) -> None:
    hostile = "".join(text for name, text in ATTACKS.items() if name != "megabyte")
    with Client(any_server.url) as client:
        client.enqueue("feeds", "t", {})
        client.schedules.add("feeds", Schedule("mine", "@yearly", "t"))
        raw, keys = any_server.raw, client.keys("feeds")
        raw.hset(keys.schedules, "evil", b"n " + hostile.encode("utf-8", "replace") + b"\n{}\n{}\n{}")
        raw.hset(keys.schedule_runs, "mine:runs", b"1 2 \x1b[2J[red]")
        raw.zadd(keys.schedule_times, {"evil": 1})
        async with showing(size=(120, 40), client=client) as shown:
            await shown.press("6")
            await shown.until("feeds/mine")
            assert "malformed" in shown.line("feeds/evil")
            assert "\x1b" not in shown.frame()
