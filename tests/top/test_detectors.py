from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from taskq_cli.top.detectors import RULES, Finding, findings
from taskq_cli.top.format import Pen
from taskq_cli.top.frame import PLACES, Frame
from taskq_cli.top.keymap import DETAILS, KEYMAP, SCREENS
from taskq_cli.top.queue_row import eta_of, queue_rows, state_of
from taskq_cli.top.screens.queue_columns import queue_columns
from taskq_cli.top.store import Store
from taskq_cli.top.widgets.columns import telling
from taskq_core import Rate
from tests.top.world import SERVER, START, Flow, frame, worker

CALM = Flow("q", comes=10, done=10, waiting=5, workers=1, oldest_s=0.2)


def seen(
    flow: Flow, seconds: int = 90, change: Callable[[Frame], Frame] = lambda frame: frame
) -> list[Finding]:
    """What is found wrong with a queue that went on like that for so long."""
    store = Store()
    for second in range(seconds):
        shown = frame(second, [flow])
        free = worker("w", flow.name, second, slots="4", busy="0")
        store.add(change(replace(shown, workers=(free,) if flow.workers else (), server=None)))
    latest = store.latest
    assert latest is not None
    return findings(store, latest)


def texts(flow: Flow, change: Callable[[Frame], Frame] = lambda frame: frame) -> str:
    return "\n".join(finding.text for finding in seen(flow, change=change))


def test_nothing_is_wrong_with_a_queue_that_is_served() -> None:
    assert seen(CALM) == []


def test_an_empty_service_has_no_findings() -> None:
    empty = Frame(START, ())
    store = Store()
    store.add(empty)
    assert findings(store, empty) == []


WRONG = {
    "no worker serves it": replace(CALM, workers=0, done=0),
    "2 jobs are held by workers that are gone": replace(CALM, workers=0, waiting=0, running=2, oldest_s=None),
    "paused, 5 jobs wait": replace(CALM, paused=True, comes=0, done=0),
    "take none of": replace(CALM, comes=0, done=0),
    "grows by 20 jobs/s": replace(CALM, comes=30),
    "80% of its attempts fail": replace(CALM, done=2, comes=2, failed=8),
    "120 jobs died in the last minute": replace(CALM, done=8, dead=2),
    "the oldest job waits 6m": replace(CALM, oldest_s=300.0),
    "a worker was lost: 60 jobs": replace(CALM, recovered=1),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said(words: str) -> None:
    assert words in texts(WRONG[words])


@pytest.mark.parametrize("words", WRONG)
def test_it_is_not_said_of_a_queue_that_is_well(words: str) -> None:
    assert words not in texts(CALM)


def test_scheduled_jobs_past_their_time_are_overdue() -> None:
    def late(shown: Frame) -> Frame:
        [queue] = shown.queues
        return replace(shown, queues=(replace(queue, next_due_at=queue.at - timedelta(seconds=40)),))

    assert "scheduled jobs are 40s overdue" in texts(CALM, change=late)


def test_schedules_that_nobody_fires_and_runs_that_were_missed() -> None:
    def unfired(shown: Frame) -> Frame:
        [queue] = shown.queues
        return replace(shown, queues=(replace(queue, next_fire_at=queue.at - timedelta(seconds=40)),))

    assert "a schedule is 40s overdue: nobody fires it" in texts(CALM, change=unfired)

    def missed(shown: Frame) -> Frame:
        [queue] = shown.queues
        second = int((queue.at - START).total_seconds())
        totals = (*queue.totals[: PLACES["missed"]], 7 + second // 60, *queue.totals[PLACES["missed"] + 1 :])
        return replace(shown, queues=(replace(queue, totals=totals),))

    assert "its schedules missed 1 runs" in texts(CALM, change=missed)


def test_a_queue_with_an_slo_of_its_own_is_late_by_that_one() -> None:
    def with_slo(shown: Frame) -> Frame:
        [queue] = shown.queues
        return replace(shown, queues=(replace(queue, settings={"slo": "10000"}),))

    waits = replace(CALM, oldest_s=20.0)
    assert "more than 10s" in texts(waits, change=with_slo)
    assert texts(waits) == ""


def with_fields(**fields: Any) -> Callable[[Frame], Frame]:
    """Frames of one queue with these fields."""

    def change(shown: Frame) -> Frame:
        [queue] = shown.queues
        return replace(shown, queues=(replace(queue, **fields),))

    return change


STILL = replace(CALM, comes=0, done=0, waiting=200, oldest_s=400.0)


@pytest.mark.parametrize(
    ("fields", "text", "screen"),
    [
        ({"held": 200}, "all 200 jobs that wait are held by limits", "jobs"),
        ({"held": 200, "held_by_tenants": 200}, "are held by limits or pauses of tenants", "tenants"),
        ({"held": 200, "held_by_tenants": 5}, "held by limits, 5 of them by what their tenants", "tenants"),
    ],
)
@pytest.mark.parametrize("oldest", [400.0, None])  # jobs of parked tenants have no age
def test_a_queue_whose_jobs_are_held_is_not_one_that_workers_take_none_of(
    fields: dict[str, int], text: str, screen: str, oldest: float | None
) -> None:
    [found] = seen(replace(STILL, oldest_s=oldest), change=with_fields(**fields))
    assert (found.screen, text in found.text) == (screen, True), found.text


def test_where_one_of_them_could_start_workers_take_none() -> None:
    [found] = seen(STILL, change=with_fields(held=199, held_by_tenants=199))
    assert (found.screen, found.text) == ("workers", "1 workers are alive and take none of 1 jobs")


def test_jobs_that_wait_behind_running_ones_at_a_limit_are_as_they_should_be() -> None:
    waits = replace(STILL, running=2, oldest_s=20.0)
    assert texts(waits, change=with_fields(held=200, held_by_tenants=200)) == ""
    assert texts(replace(STILL, oldest_s=20.0, done=1), change=with_fields(held=200)) == ""
    assert "take none" in texts(waits)
    assert texts(waits, change=with_fields(settings={"max_running": "2"})) == ""
    assert "take none" in texts(waits, change=with_fields(settings={"max_running": "3"}))
    slow, quick = Rate.parse("1/m").stored, Rate.parse("1/s").stored
    assert texts(waits, change=with_fields(settings={"rate": slow})) == ""
    assert "take none" in texts(waits, change=with_fields(settings={"rate": quick}))


@pytest.mark.parametrize("slo", ["", "x", "-5", "١٢", "²", "9" * 400])
def test_a_foreign_slo_harms_nothing(slo: str) -> None:
    def with_slo(shown: Frame) -> Frame:
        [queue] = shown.queues
        return replace(shown, queues=(replace(queue, settings={"slo": slo}),))

    assert texts(replace(CALM, oldest_s=20.0), change=with_slo) == ""
    assert "the oldest job waits" in texts(replace(CALM, oldest_s=300.0), change=with_slo)


def test_busy_workers_are_not_called_stuck() -> None:
    def busy(shown: Frame) -> Frame:
        return replace(shown, workers=(worker("w", "q", 0, slots="4", busy="4"),))

    assert texts(replace(CALM, comes=0, done=0), change=busy) == ""


def test_a_server_that_may_evict_or_is_nearly_full_is_said_first() -> None:
    def of(**values: object) -> Callable[[Frame], Frame]:
        return lambda shown: replace(shown, server=replace(SERVER, **values))  # type: ignore[arg-type]

    found = seen(WRONG["paused, 5 jobs wait"], change=of(used_memory=250, max_memory=256))
    assert [finding.queue for finding in found] == ["", "q"]
    assert "memory is 98% full" in found[0].text
    assert "may evict jobs: allkeys-lru" in texts(CALM, change=of(eviction="allkeys-lru"))
    assert seen(CALM, change=of(max_memory=0, eviction="allkeys-lru")) == []


def test_the_worst_comes_first() -> None:
    found = seen(replace(CALM, workers=0, done=0, failed=1, dead=1, oldest_s=400.0))
    assert [finding.severity for finding in found] == sorted(
        (finding.severity for finding in found), reverse=True
    )
    assert found[0].text.endswith("no worker serves it")


def test_every_finding_names_a_screen_and_a_key_that_exist() -> None:
    keys = {key for one in KEYMAP for key in one.keys.split(",")}
    for _, screen, key, _ in RULES:
        assert screen in (*dict(SCREENS), *DETAILS)
        assert key in keys


# -- a queue as a row -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "comes", "goes", "eta"),
    [
        (0, 50, 1, None),
        (100, 0, 10, 10),
        (100, 5, 10, 20),
        (100, 10, 10, float("inf")),
        (100, 0, 0, float("inf")),
        (100, 12, 10, float("inf")),
        # work on its way is no backlog
        (20, 212, 212, 20 / 212),
    ],
)
def test_the_forecast_says_when_nothing_waits_any_more(
    waiting: int, comes: float, goes: float, eta: float | None
) -> None:
    assert eta_of(waiting, comes, goes) == (None if eta is None else pytest.approx(eta))


@pytest.mark.parametrize(
    ("flow", "state"),
    [
        (CALM, "busy"),
        (replace(CALM, waiting=0), "idle"),
        (replace(CALM, workers=0), "unserved"),
        (replace(CALM, workers=0, paused=True), "paused"),
        (replace(CALM, draining=True), "draining"),
        (replace(CALM, waiting=0, running=1), "busy"),
        (replace(CALM, waiting=0, running=1, workers=0), "unserved"),
    ],
)
def test_each_state_has_a_word(flow: Flow, state: str) -> None:
    assert state_of(flow.at(0)) == state


def test_what_limits_hold_is_told_where_some_are_set_or_hold_jobs() -> None:
    calm = CALM.at(0)
    held = replace(calm, held=calm.waiting)
    assert (state_of(held), state_of(replace(held, held=1))) == ("limited", "busy")

    columns = queue_columns(Pen())
    for queue, shown in (
        (calm, False), (held, True), (replace(calm, settings={"rate:send": "1"}), True),
        (replace(calm, settings={"max_jobs": "1"}), False),
    ):  # fmt: skip
        store = Store()
        store.add(replace(frame(0, []), queues=(queue,)))
        found = telling(columns, queue_rows(store, store.frames[-1], cells=8))
        assert ("held" in [column.name for column in found]) is shown


def test_a_row_has_the_rates_the_share_of_failures_and_five_minutes() -> None:
    store = Store()
    flow = Flow("q", comes=30, done=24, failed=6, waiting=100, workers=1)
    for second in range(120):
        store.add(frame(second, [flow]))
    [row] = queue_rows(store, store.frames[-1], cells=8)

    assert row.in_rate == pytest.approx(30)
    assert row.out_rate == pytest.approx(24)
    assert row.failed == pytest.approx(0.2)
    assert row.eta == float("inf")
    assert row.spark[-1] == pytest.approx(24)
    assert row.spark[0] == 0
    assert len(row.spark) == 8
