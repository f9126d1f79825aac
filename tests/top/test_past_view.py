"""Back in time, and in a recording, over a burst that has ended: on a real server, in a real terminal."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskq_core import Client, TaskQueue, WorkerOptions
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.servers import Server
from tests.top.conftest import OpenTop
from tests.top.recorded import SCREENS, differences, recorded, replayed
from tests.top.terminal import Terminal
from tests.waiting import until, wait_until

BURST = 1_357
SHOWN = "1 357"
TICK = "200ms"


def time_of(screen: str) -> str:
    """The time in the first line."""
    found = re.search(r"(\d\d:\d\d:\d\d)Z", screen.splitlines()[0])
    assert found is not None, screen
    return found[1]


def later(top: Terminal, time: str) -> str:
    """The time on screen, once it is another one."""
    now = time_of(top.text())
    return now if now != time else ""


def burst(url: str) -> None:
    """Works off what waits in the queue of e-mails."""
    emails = TaskQueue("emails", redis=url, concurrency=50)

    @emails.process("send-email")
    async def send(payload: dict[str, int]) -> None:
        """Nothing to do."""

    emails.run(WorkerOptions(burst=True))
    emails.close_sync()


def go_back_until(top: Terminal, words: str) -> str:
    """Back tick by tick, until these words are on screen."""
    for _ in range(300):
        top.press("[")
        text = top.text()
        if words in text and "frozen" in text:
            return text
    raise AssertionError(f"{words!r} is nowhere in the past of\n{top.text()}")


def test_a_burst_that_has_ended_is_found_in_the_past_and_in_the_recording(
    any_server: Server, open_top: OpenTop, tmp_path: Path
) -> None:
    recording = str(tmp_path / "night.ndjson")
    with Client(any_server.url) as client:
        _ = client.enqueue("emails", "send-email", {})
        top = open_top(any_server, "--interval", TICK, "--record", recording, size=(120, 40))
        top.press("2")
        _ = top.until("REC", "emails")
        _ = client.enqueue_many("emails", "send-email", [{}] * (BURST - 1))
        first = time_of(top.until(SHOWN))
        during = wait_until(lambda: later(top, first))
        _ = wait_until(lambda: later(top, during))
        burst(any_server.url)
        now = top.until(SHOWN, gone=True)
        assert client.snapshot("emails").totals["done"] == BURST

    past = go_back_until(top, SHOWN)
    assert during <= time_of(past) <= time_of(now)
    assert re.search(rf"backlog {SHOWN}.*dead 0", past)
    # a minute back is before all of it; then on again, and to the time itself
    top.press("{")
    _ = top.until("frozen", "backlog 1 ")
    top.press("t")
    _ = top.until("Go to")
    top.type(during)
    past = top.until("‖ frozen", SHOWN)
    assert time_of(past) == during
    top.press("C-t")
    live = top.until("● live", "backlog 0")
    assert time_of(live) > during
    top.press("q")
    _ = top.until("● live", gone=True)

    top.run([*taskq_command(), "top", "--replay", recording])
    _ = top.until("▷ replay", "READ-ONLY")
    top.press("2", "t")
    _ = top.until("Go to")
    top.type(during)
    assert time_of(top.until("‖ frozen", SHOWN)) == during


APP = """
from taskq_core import TaskQueue

emails = TaskQueue("emails")
feeds = TaskQueue("feeds", retries=0)

@emails.process("send-email")
async def send_email(job):
    pass

@feeds.process("fetch-feed")
def fetch_feed(job):
    raise TimeoutError("no answer from the feed")
"""


@contextmanager
def enqueuing(url: str) -> Iterator[None]:
    """Jobs that succeed, that fail, and that nobody takes, while the block lasts."""
    over = threading.Event()

    def enqueue() -> None:
        with Client(url) as client:
            while not over.wait(0.1):
                for queue, task in (("emails", "send-email"), ("feeds", "fetch-feed"), ("new", "nothing")):
                    _ = client.enqueue_many(queue, task, [{}] * 3)

    thread = threading.Thread(target=enqueue)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def test_the_replay_shows_every_frame_that_was_shown_live(
    any_server: Server, spawn: Spawn, tmp_path: Path
) -> None:
    _ = (tmp_path / "pastapp.py").write_text(APP)
    _ = spawn([*taskq_command(), "worker", "pastapp", "--quiet"], any_server.url)
    path = tmp_path / "night.ndjson"
    with enqueuing(any_server.url), Client(any_server.url) as client:
        await until(lambda: client.snapshot("feeds").dead, 30, "the worker")
        live = await recorded(any_server.url, "default", path, 3 * len(SCREENS), every=0.2)
    again = await replayed(path, live)
    assert len(live) == 3 * len(SCREENS)
    assert len({text for screens in live.values() for text in map(str, screens.values())}) == len(live)
    assert differences(live, again) == []
