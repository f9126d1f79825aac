from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from taskq_cli.top.frame import Frame, Times
from taskq_cli.top.samples import Sample, Samples
from taskq_cli.top.store import Store
from tests.top.conftest import Clock
from tests.top.showing import showing
from tests.top.world import FLOWS, START


def store_of(depths: dict[int, int], name: str = "emails") -> Store:
    """A store with one queue whose depth is known by the second."""
    store = Store()
    flow = next(flow for flow in FLOWS if flow.name == name)
    for second, depth in depths.items():
        at = START + timedelta(seconds=second)
        queue = replace(flow.at(0), at=at, ready=(0, 0, depth, 0), wait=Times(depth / 10, depth / 5))
        store.add(Frame(at, (queue,)))
    return store


def test_a_peak_between_two_cells_is_not_lost() -> None:
    depths = dict.fromkeys(range(100), 1) | {41: 500}
    found = Samples("emails").of(store_of(depths), START + timedelta(seconds=99), 100.0, 10)
    assert [one.waiting for one in found] == [1, 1, 1, 1, 500, 1, 1, 1, 1, 1]


def test_what_was_not_seen_is_empty_and_a_slow_tick_leaves_no_holes() -> None:
    found = Samples("emails").of(store_of({0: 7, 4: 8, 8: 9}), START + timedelta(seconds=8), 20.0, 20)
    assert [one.waiting for one in found] == [0] * 11 + [7] * 4 + [8] * 4 + [9]


def test_all_queues_are_the_sum_and_the_slowest() -> None:
    emails, feeds = (replace(next(f for f in FLOWS if f.name == name).at(0)) for name in ("emails", "feeds"))
    store = Store()
    store.add(Frame(START, (emails, feeds)))
    (found,) = Samples("").of(store, START, 10.0, 1)
    assert found == Sample(29, 24, 71, 1_204, wait=Times(0.02, 1.2), run=Times(0.4, 2.6))


async def test_v_shows_one_figure_after_the_other(clock: Clock) -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("8")
        titles = []
        for _ in range(5):
            titles.append(shown.line(", the last ").split(": ")[1].split(",")[0])
            await shown.press("v")
        assert titles == ["all figures", "throughput", "times", "depth", "all figures"]


async def test_the_chart_is_of_the_queue_under_the_cursor() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("8")
        assert "all queues: all figures" in shown.frame()
        assert "312/s" in shown.frame()  # in, of all
        shown.app.view.aim("imports")
        shown.app.draw()
        await shown.rest()
        assert "imports: all figures" in shown.frame()
        assert "90/s" in shown.frame()
        assert "251s" in shown.frame() or "4m11s" in shown.frame()  # wait p99
        assert shown.app.view.command() == "taskq stats -q imports --watch"


async def test_enter_leads_to_the_queue_and_back() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("8", "j", "j", "enter")
        assert shown.app.view.id == "queues"
        name = shown.app.view.subject()
        await shown.press("escape")
        assert shown.app.view.id == "charts"
        assert shown.app.view.subject() == name


async def test_a_screen_that_was_never_shown_opens_at_the_row_one_came_for() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("8")
        shown.app.view.aim("thumbs")
        shown.app.draw()
        await shown.press("enter")
        assert shown.app.view.id == "queues"
        assert shown.app.view.subject() == "thumbs"


async def test_what_is_on_screen_is_asked_at_each_tick() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("8")
        shown.app.view.aim("thumbs")
        shown.app.draw()
        assert shown.source.attended == {"thumbs"}
        await shown.press("2")
        shown.app.draw()
        assert {"thumbs", "emails", "billing"} < shown.source.attended
