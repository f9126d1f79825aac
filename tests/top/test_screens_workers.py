from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from taskq_cli.top.source import Tick
from taskq_cli.top.store import Store
from taskq_cli.top.worker_row import worker_rows
from taskq_core import HeldJob, JobNotes, JobRef, Priority, WorkerInfo
from tests.top.showing import FakeClient, showing
from tests.top.world import START, frame, worker


def states(*seconds: tuple[int, tuple[WorkerInfo, ...]]) -> dict[str, str]:
    """The state of each worker in the last of several frames."""
    store = Store()
    for second, workers in seconds:
        store.add(replace(frame(second), workers=workers))
    latest = store.latest
    assert latest is not None
    return {row.id: row.state for row in worker_rows(store, latest)}


def lease_of(second: int, left_s: float, **about: str) -> WorkerInfo:
    """Worker `a` with so many seconds left of its lease of 15."""
    return replace(
        worker("a", "emails", second, **about), expires_at=START + timedelta(seconds=second + left_s)
    )


@pytest.mark.parametrize(
    ("left_s", "about", "state"),
    [
        (14.0, {}, "working"),
        (14.0, {"busy": "0"}, "idle"),
        (5.0, {}, "silent"),
        (5.0, {"busy": "0"}, "silent"),
        (14.0, {"state": "stopping"}, "stopping"),
        (14.0, {"seen": "1767614680000", "looked": "1767614600000", "room": "1"}, "stuck"),
        (14.0, {"seen": "1767614680000", "looked": "1767614600000", "room": "0"}, "working"),
    ],
)
def test_a_worker_has_one_state(left_s: float, about: dict[str, str], state: str) -> None:
    assert states((0, (lease_of(0, left_s, **about),))) == {"a": state}


def test_a_killed_worker_is_listed_as_gone_for_some_minutes() -> None:
    there = (worker("a", "emails", 0), worker("b", "emails", 0))
    left = (worker("b", "emails", 20),)
    assert states((0, there), (1, there), (20, left)) == {"a": "gone", "b": "working"}
    late = (worker("b", "emails", 320),)
    assert states((0, there), (1, there), (320, late)) == {"b": "working"}


def test_one_that_said_it_stops_has_left() -> None:
    stops = (worker("a", "emails", 0, state="stopping"),)
    assert states((0, stops), (20, ())) == {"a": "left"}


def test_the_past_does_not_know_of_later_workers() -> None:
    store = Store()
    store.add(replace(frame(0), workers=(worker("a", "emails", 0),)))
    store.add(replace(frame(5), workers=(worker("b", "emails", 5),)))
    assert [row.id for row in worker_rows(store, store.frames[0])] == ["a"]


def test_jobs_a_second_are_told_from_what_it_ended() -> None:
    store = Store()
    for second in range(0, 81, 2):
        store.add(replace(frame(second), workers=(worker("a", "emails", second, done=str(7 * second)),)))
    latest = store.latest
    assert latest is not None
    assert worker_rows(store, latest)[0].rate == pytest.approx(7.0)


async def test_workers_are_listed_once_a_process() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("5")
        assert shown.frame().count("0d0e0f") == 1
        assert "old-import,repor" in shown.line("0d0e0f")


def held(queue: str, name: str) -> list[HeldJob]:
    if queue != "thumbs":
        return []
    return [HeldJob(JobRef("thumbs", "n17-0"), "resize", Priority.NORMAL, timedelta(seconds=95), 3)]


async def open_worker(shown: Any, name: str) -> None:
    await shown.press("5")
    shown.app.view.rows.go_to(name)
    await shown.press("enter")


async def test_enter_shows_a_worker_and_the_jobs_in_its_hands() -> None:
    client = FakeClient(held=held, notes=[JobNotes(0.5, "half \x1b[2J of it")])
    async with showing(size=(120, 40), client=client) as shown:
        await open_worker(shown, "0d0e0f")
        await shown.until("thumbs/n17-0")
        assert "1 of 4 slots" in shown.line("runs")
        assert "old-import, reports, thumbs" in shown.line("queues")
        job = shown.line("thumbs/n17-0")
        assert "95s" in job
        assert "3x" in job
        assert r"█████░░░░░  50 % half \x" in job
        assert {call[1][0] for call in client.calls if call[0] == "held"} == {
            "thumbs",
            "old-import",
            "reports",
        }
        goal = shown.app.view.goal()
        assert goal is not None
        assert goal.about == JobRef("thumbs", "n17-0")
        await shown.press("escape")
        assert shown.app.view.id == "workers"


async def test_of_the_past_only_the_ids_of_its_jobs_are_shown() -> None:
    client = FakeClient(held=held)
    past = replace(frame(0), workers=(worker("a", "emails", 0, running="n5-0 n6-0"),))
    async with showing([Tick(past)], size=(120, 40), client=client) as shown:
        await shown.press("z")
        await open_worker(shown, "a")
        assert "emails/n5-0" in shown.frame()
        assert "emails/n6-0" in shown.frame()
        assert client.calls == []


async def test_a_worker_that_is_gone_keeps_its_last_words() -> None:
    there = replace(frame(0), workers=(worker("a", "emails", 0, host="web-9"),))
    async with showing([Tick(there)], client=FakeClient(held=lambda *_: [])) as shown:
        await open_worker(shown, "a")
        await shown.give(Tick(replace(frame(30), workers=())))
        assert "gone" in shown.line("worker ")
        assert "web-9" in shown.frame()
        assert "its jobs go to others" in shown.frame()
