"""The view on a real server with jobs in each state, for tests of what its keys do there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from taskq_cli.top.app import TopApp
from taskq_cli.top.live import LiveSource
from taskq_cli.top.options import TopOptions
from taskq_core import Backoff, Client, Job, JobRef, State, TaskQueue, WorkerOptions
from tests.servers import Server
from tests.top.showing import FakeSource, Showing
from tests.waiting import until

AN_HOUR = timedelta(hours=1)


def no_user(job: Job) -> None:
    """Fails, each time with other words."""
    raise ValueError(f"no such user {job.payload['n']}")


def no_title(job: Job) -> None:
    """Fails for another reason."""
    raise KeyError("title")


@dataclass(slots=True)
class Filled:
    """A server with two queues. ``mail``: 4 dead of one cause, 2 of another, 3 that will be tried again,

    2 delayed, 3 ready. ``news``: 1 dead of the first cause, 1 ready.
    """

    server: Server
    client: Client

    def ids(self, state: State, queue: str = "mail") -> list[str]:
        """The ids in a state."""
        return sorted(job.ref.id for job in self.client.list_jobs(queue, state, limit=1_000).jobs)

    def refs(self, state: State, queue: str = "mail") -> list[JobRef]:
        """The same as references."""
        return [JobRef(queue, name) for name in self.ids(state, queue)]

    def everything(self) -> dict[str, list[str]]:
        """All jobs by queue and state, and whether the queue is paused."""
        found = {}
        for queue in ("mail", "news"):
            snapshot = self.client.snapshot(queue)
            found[f"{queue} {snapshot.state}"] = [""]
            for state in (State.READY, State.RUNNING, State.SCHEDULED, State.DEAD):
                found[f"{queue} {state}"] = self.ids(state, queue)
        return found


def fill(server: Server) -> Filled:
    """Fills it, by a worker that runs handlers which fail."""
    for name, dead in (("mail", 4), ("news", 1)):
        tasks = TaskQueue(name, redis=server.url, retries=0)
        tasks.process("send-email")(no_user)
        tasks.process("make-title")(no_title)
        tasks.process("later", retries=5, backoff=Backoff(AN_HOUR, 1.0, AN_HOUR))(no_title)
        _ = tasks.add_many_sync("send-email", [{"n": n} for n in range(dead)])
        if name == "mail":
            _ = tasks.add_many_sync("make-title", [{}, {}])
            _ = tasks.add_many_sync("later", [{}, {}, {}])
        tasks.run(WorkerOptions(burst=True))
        if name == "mail":
            _ = tasks.add_many_sync("send-email", [{"n": 7}, {"n": 8}], delay=AN_HOUR)
        _ = tasks.add_many_sync("send-email", [{"n": n} for n in range(3 if name == "mail" else 1)])
        tasks.close_sync()
    return Filled(server, Client(server.url))


STORED: dict[bytes, tuple[int, bytes]] = {}
"""What the server held once it was filled: workers need a second for what is then put back in no time."""


def filled_server(server: Server) -> Iterator[Filled]:
    """The same as a fixture's body, from the second time on from memory."""
    if STORED:
        for key, (ttl, value) in STORED.items():
            server.raw.restore(key, max(0, ttl), value)
        filled = Filled(server, Client(server.url))
    else:
        filled = fill(server)
        for key in server.raw.scan_iter():
            STORED[key] = (server.raw.pttl(key), server.raw.dump(key))
    yield filled
    filled.client.close()


@asynccontextmanager
async def live_view(
    server: Server, *, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[Showing]:
    """The view on the server, once it has its first picture."""
    chosen = replace(TopOptions(interval=0.2), **options)
    app = TopApp(LiveSource(Client(server.url), label="test"), Client(server.url), chosen)
    async with app.run_test(size=size) as pilot:
        shown = Showing(app, pilot, FakeSource())
        await until(lambda: app.store.latest is not None, 10, "the first picture")
        await shown.rest()
        yield shown
    app.source.close()
    if app.client is not None:
        app.client.close()


async def to_jobs(shown: Showing, state: str, queue: str = "mail") -> None:
    """To the list of jobs of a queue and state, once they are there."""
    await shown.press("2")
    await until(lambda: shown.app.view.rows is not None and shown.app.view.rows.shown, 10, "queues")
    assert shown.app.view.rows is not None
    shown.app.view.rows.go_to(queue)
    await shown.press("enter")
    await shown.until("page 1")
    for _ in range(4):
        if shown.app.view.wanted.state == state:  # type: ignore[attr-defined]  # it is the list of jobs
            break
        await shown.press("s")
    await shown.until("page 1")
