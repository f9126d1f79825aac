"""What one sees at the first look: nothing that misleads, one line a cause, and the next key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from taskq_cli.top.detectors import RULES, findings
from taskq_cli.top.frame import COUNTED
from taskq_cli.top.keymap import KEYMAP, SCREENS, keys_of
from taskq_cli.top.series import Series
from taskq_cli.top.store import Store
from taskq_core import JobDetail, JobRef, Minute, Page, Priority, State
from tests.top.showing import FakeClient, showing
from tests.top.ways import settled
from tests.top.world import FLOWS, Flow, frame, ticks

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def store_of(flows: Sequence[Flow], seconds: int = 90) -> Store:
    """What is known after so many seconds."""
    store = Store()
    for second in range(seconds):
        store.add(frame(second, flows))
    return store


def texts(*flows: Flow) -> list[tuple[str, str]]:
    """Queue and words of each finding."""
    store = store_of(flows)
    return [(finding.queue, finding.text) for finding in findings(store, store.frames[-1])]


# -- rates -----------------------------------------------------------------------------------------


def test_a_burst_before_the_view_was_opened_is_not_told_as_what_goes_on() -> None:
    totals = tuple(6_000 if name == "enqueued" else 0 for name in COUNTED)
    began = NOON.timestamp() + 30
    series = Series(since=began)
    series.seed(began, totals, [Minute(NOON, {"enqueued": 6_000}, None, None)])
    series.add(began, totals)
    assert series.rate_now(began, 10, "enqueued") == pytest.approx(200)  # all there is to know is the minute
    assert not series.measured(began)

    for second in (1, 2, 3):
        series.add(began + second, totals)

    assert series.measured(began + 3)
    assert series.rate_now(began + 3, 10, "enqueued") == 0
    assert series.count(began + 3, 60, "enqueued") == pytest.approx(6_000)


def test_a_count_of_the_last_minute_is_no_more_than_there_was() -> None:
    store = store_of([Flow("q", dead=2, failed=3)], seconds=11)
    [queue] = store.frames[-1].queues

    assert store.count(queue, "dead", 60) == 20
    assert store.count(queue, "failed", 60) == 30
    assert store.count(queue, "done", 60) == 0


async def test_rates_are_marked_until_they_are_measured() -> None:
    first, *others = ticks(4)
    async with showing([first], size=(120, 40)) as shown:
        assert shown.line("backlog").startswith("in ~312/s  out ~281/s")
        assert "~212/s" not in shown.line("emails")
        assert " ~212   ~212 " in shown.line(" emails ")
        await shown.give(*others)
        assert "~" not in shown.frame()
        assert shown.line("backlog").startswith("in 312/s  out 281/s")


async def test_the_forecast_is_that_of_the_queue_that_takes_longest() -> None:
    busy = Flow("busy", comes=100, done=300, waiting=40_000, workers=1)
    async with showing(ticks(5, [busy]), size=(120, 40)) as shown:
        assert "(eta 3m" in shown.line("backlog")
    async with showing(ticks(5, [busy, Flow("left", waiting=3)]), size=(120, 40)) as shown:
        assert "(eta ∞)" in shown.line("backlog")


# -- findings --------------------------------------------------------------------------------------

LATE = "the oldest job waits 15m, more than 5m"
CAUSES: dict[str, tuple[Flow, list[str]]] = {
    "unserved": (
        Flow("q", comes=9, waiting=200, oldest_s=811.0),
        ["1,001 jobs wait and no worker serves it"],
    ),
    "failing": (
        Flow("q", comes=4, done=2, failed=8, dead=2, workers=1),
        ["80% of its attempts fail, 120 jobs died in a minute"],
    ),
    "late": (Flow("q", done=9, waiting=9_000, oldest_s=811.0, workers=1), [LATE]),
    "slow": (Flow("q", comes=20, done=9, waiting=900, oldest_s=811.0, workers=1), [f"{LATE}, and it grows"]),
    "grows": (
        Flow("q", comes=20, done=9, waiting=900, oldest_s=2.0, workers=1),
        ["grows by 11 jobs/s, 1,879 wait"],
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_is_one_line(name: str) -> None:
    flow, lines = CAUSES[name]
    assert texts(flow) == [("q", line) for line in lines]


def test_a_lost_worker_is_one_line_whatever_queues_it_served() -> None:
    served = [
        Flow(name, comes=5, done=5, recovered=n, workers=1) for name, n in (("a", 1), ("b", 3), ("c", 0))
    ]
    assert texts(*served) == [("b", "a worker was lost: 240 jobs taken over in the last minute in 2 queues")]


def test_the_key_of_a_finding_works_where_it_is_shown() -> None:
    here = {key for one in keys_of("overview", read_only=False) for key in one.keys.split(",")}
    numbers = {str(number): name for number, (name, _) in enumerate(SCREENS, 1)}
    for _, screen, key, _ in RULES:
        assert key in here
        assert numbers.get(key, screen) == screen


async def test_the_worst_comes_first_and_enter_and_w_lead_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def why(_: object, subject: str, *, whole_queue: bool) -> list[Any]:
        asked.append((subject, whole_queue))
        return []

    monkeypatch.setattr("taskq_cli.top.looking.why", why)
    async with showing() as shown:
        assert "no worker serves it" in shown.line("▸")
        await shown.press("w", "escape")
        await settled(shown)
        await shown.press("enter")
        assert shown.app.view.id == "queues"
        assert "billing" in shown.line("▸")
    assert asked == [("billing", True)]


async def test_a_finding_about_a_pause_is_ended_with_its_key() -> None:
    class Paused:
        paused = True

    async with showing(client=FakeClient(snapshots=lambda names: [Paused() for _ in names])) as shown:
        await shown.press("G")
        assert "paused, 758 jobs wait" in shown.line("▸")
        await shown.press("P")
        await shown.until("Resume thumbs?")
        assert "taskq queue resume thumbs" in shown.frame()


# -- jobs ------------------------------------------------------------------------------------------


def jobs_of(queue: str) -> Callable[..., Page]:
    """Dead jobs with long ids, of a queue."""
    job = JobDetail(
        JobRef(queue, "n1767614000000-12345"), State.DEAD, "send-a-newsletter", Priority.NORMAL, b"{}", 3,
        NOON, None, NOON, None,
    )  # fmt: skip
    return lambda *_, **__: Page((replace(job),), "", 1)


@pytest.mark.parametrize("queue", ["emails", "newsletters-to-customers", "q" * 64])
@pytest.mark.parametrize("width", [80, 120])
async def test_an_id_in_the_list_of_jobs_is_whole_however_narrow(queue: str, width: int) -> None:
    flow = replace(FLOWS[0], name=queue, waiting=0, running=0, scheduled=0, buried=1)
    client = FakeClient(list_jobs=jobs_of(queue))
    async with showing(ticks(3, [flow]), size=(width, 24), client=client) as shown:
        await shown.press("3")
        await settled(shown)
        line = shown.line("▸")
        assert "/n1767614000000-12345 " in line
        assert queue[:12] in line
        assert "ERROR" in shown.frame()
        await shown.press("y")
        assert shown.app.clipboard == f"{queue}/n1767614000000-12345"


async def test_the_footer_of_jobs_has_the_keys_that_jobs_of_the_state_allow() -> None:
    async with showing(size=(160, 24)) as shown:
        await shown.press("3")
        for state, there, not_there in (
            ("ready", "K cancel", "R retry"), ("running", "K cancel", "D delete"),
            ("scheduled", "R retry", "D delete"), ("dead", "D delete", "K cancel"),
        ):  # fmt: skip
            await settled(shown)
            assert cast("Any", shown.app.view).wanted.state == state
            footer = shown.frame().splitlines()[-1]
            assert there in footer
            assert not_there not in footer
            await shown.press("s")


# -- messages and safety ---------------------------------------------------------------------------


async def test_an_old_message_does_not_take_a_newer_one_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async with showing() as shown:
        monkeypatch.setattr("taskq_cli.top.stage.MESSAGE_S", 0.02)
        shown.app.say("the first")
        monkeypatch.setattr("taskq_cli.top.stage.MESSAGE_S", 60.0)
        shown.app.say("the second")
        await shown.pilot.pause(0.15)
        assert "the second" in shown.frame()


async def test_no_action_of_a_read_only_view_reaches_the_server_though_it_is_called_without_a_key() -> None:
    client = FakeClient()
    async with showing(client=client, read_only=True) as shown:
        changes = [key for key in KEYMAP if key.changes]
        for screen in sorted({screen for key in changes for screen in key.screens}):
            shown.app.go(screen)
            await settled(shown)
            before = len(client.calls)
            for key in changes:
                await shown.app.run_action(key.action)
            await settled(shown)
            assert len(shown.app.screen_stack) == 1, screen
            reads = {"list_jobs", "inspect", "failures", "group_failures", "held", "info", "follow"}
            assert {name for name, _ in client.calls[before:]} <= reads
