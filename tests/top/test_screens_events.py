from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from taskq_cli.top.frame import Frame
from taskq_cli.top.source import Tick
from taskq_core import Client, Event, JobRef, State, Tail, TaskQueue
from tests.servers import Server
from tests.top.conftest import Clock
from tests.top.showing import FakeClient, Showing, showing
from tests.top.world import FLOWS, START, frame
from tests.waiting import until

QUIET = replace(frame(0), failures=())


def done(number: int, second: float = 0.0) -> Event:
    return Event("emails", "done", START + timedelta(seconds=second), f"n{number}-0", "send-email")


class Line:
    """What `Client.follow` brings, one list a call."""

    def __init__(self, *batches: list[Event]) -> None:
        self.batches = list(batches)
        self.tails: list[Tail] = []

    def __call__(self, tail: Tail, queues: Sequence[str], *, wait: timedelta) -> list[Event]:
        self.tails.append(tail)
        return self.batches.pop(0) if self.batches else []


async def shown_again(shown: Showing, second: int) -> None:
    """Another tick, and time to ask once more."""
    shown.app.view.ask_soon()
    await shown.give(Tick(replace(frame(second), failures=())))


async def test_what_ends_is_listed_the_newest_first() -> None:
    line = Line([done(1, 1.0), done(2, 2.0)], [done(3, 3.0)])
    async with showing([Tick(QUIET)], size=(120, 40), client=FakeClient(follow=line)) as shown:
        await shown.press("7")
        await shown.until("emails/n2-0")
        await shown_again(shown, 3)
        await shown.until("emails/n3-0")
        text = shown.frame()
        assert text.index("n3-0") < text.index("n2-0") < text.index("n1-0")


async def test_at_the_first_row_the_list_is_followed_elsewhere_the_cursor_stays() -> None:
    line = Line([done(1, 1.0), done(2, 2.0)], [done(3, 3.0)], [done(4, 4.0)])
    async with showing([Tick(QUIET)], size=(120, 40), client=FakeClient(follow=line)) as shown:
        await shown.press("7")
        await shown.until("emails/n2-0")
        await shown_again(shown, 3)
        await shown.until("emails/n3-0")
        assert shown.app.view.subject() == "emails/n3-0"
        await shown.press("j")
        await shown_again(shown, 4)
        await shown.until("emails/n4-0")
        assert shown.app.view.subject() == "emails/n2-0"


async def test_those_that_are_only_counted_are_one_row() -> None:
    more = Event("emails", "done", START, count=1_234)
    async with showing([Tick(QUIET)], size=(120, 40), client=FakeClient(follow=Line([more]))) as shown:
        await shown.press("7")
        await shown.until("and 1,234 more")
        assert shown.app.view.goal() is None


async def test_listening_ends_with_the_screen() -> None:
    line = Line([done(1)])
    async with showing([Tick(QUIET)], client=FakeClient(follow=line)) as shown:
        await shown.press("7")
        await shown.until("n1-0")
        await shown.press("2")
        calls = len(line.tails)
        await shown_again(shown, 1)
        assert len(line.tails) == calls
        await shown.press("7")
        await shown_again(shown, 2)
        await until(lambda: len(line.tails) > calls)
        assert line.tails[-1] is not line.tails[0]


async def test_a_read_only_view_leaves_no_note_on_the_server() -> None:
    line = Line([])
    async with showing([Tick(QUIET)], client=FakeClient(follow=line), read_only=True) as shown:
        await shown.press("7")
        await until(lambda: line.tails)
        assert line.tails[0].failures_only


async def test_the_past_lists_failures(clock: Clock) -> None:
    client = FakeClient()
    async with showing(size=(120, 40), client=client) as shown:
        await shown.press("z", "7")
        assert "the feed did not answer" in shown.frame()
        goal = shown.app.view.goal()
        assert goal is not None
        assert isinstance(goal.about, JobRef)
        assert client.calls == []


async def test_events_of_a_real_server(any_server: Server) -> None:
    with Client(any_server.url) as client:
        queue = TaskQueue("emails", redis=any_server.url)
        _ = await queue.add("send-email", {})
        snapshot = Frame(client.time(), tuple(flow.at(0) for flow in FLOWS if flow.name == "emails"))
        async with showing([Tick(snapshot)], size=(120, 40), client=client) as shown:
            await shown.press("7")
            await until(lambda: any_server.raw.keys("*tail*"), what="the note of a listener")
            page = client.list_jobs("emails", State.READY)
            assert client.cancel("emails", [page.jobs[0].ref.id])[0].done

            async def cancelled_is_seen() -> bool:  # a tick that comes while the view is asking asks nothing
                await shown_again(shown, 0)
                return "cancelled" in shown.frame()

            await until(cancelled_is_seen)
        await queue.close()
