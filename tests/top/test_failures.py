from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_cli.top.causes import (
    MOST_PAGES,
    Flow,
    Survey,
    Surveyor,
    causes,
    dead_totals,
    flows,
    survey,
)
from taskq_cli.top.store import Store
from taskq_core import FailureGroup, GroupPage, JobRef
from tests.top.live_view import Filled, live_view
from tests.top.showing import FakeClient, as_client, showing
from tests.top.world import START, failures, frame, ticks
from tests.waiting import until

HOUR = timedelta(hours=1)


def group(name: str, count: int, queue: str = "feeds") -> FailureGroup:
    """Dead jobs of a cause."""
    return FailureGroup(
        name, count, "fetch-feed", "ConnectionError", "no answer", START - HOUR, START,
        JobRef(queue, "n1-0"), (queue,),
    )  # fmt: skip


def test_dead_jobs_and_failed_attempts_of_one_cause_are_one_row() -> None:
    found = causes([group("a1a1a1a1a1a1", 7, "news"), group("ffffffffff", 2)], failures(0), {})

    rows = {cause.fingerprint: cause for cause in found}
    assert set(rows) == {"a1a1a1a1a1a1", "b2b2b2b2b2b2", "c3c3c3c3c3c3", "ffffffffff"}
    both = rows["a1a1a1a1a1a1"]
    assert (both.dead, both.queues) == (7, ("feeds", "news"))
    assert (both.first, both.last) == (START - HOUR, START)
    assert rows["b2b2b2b2b2b2"].dead == 0
    assert {cause.dead for cause in causes(None, failures(0), {})} == {None}
    assert rows["ffffffffff"].per_minute == 0


def test_the_failures_of_a_queue_are_shared_out_by_what_its_latest_were() -> None:
    rates = {"feeds": Flow(480.0, (0.0, 8.0))}

    rows = {cause.fingerprint: cause for cause in causes([], failures(0), rates)}

    assert sum(cause.per_minute for cause in rows.values()) == pytest.approx(480)
    # 24 attempts: every fifth of the first cause, every fifth of the second, the rest of the third
    assert rows["a1a1a1a1a1a1"].per_minute == pytest.approx(480 * 5 / 24)
    assert rows["c3c3c3c3c3c3"].spark == pytest.approx((0.0, 8.0 * 14 / 24))


def test_rates_come_from_the_counts_of_the_queue_not_from_the_few_that_are_kept() -> None:
    store = Store()
    for tick in ticks(90):
        store.add(tick.frame, tick.past)

    found = flows(store, frame(89), 8)

    assert set(found) == {"feeds"}
    assert found["feeds"].per_minute == pytest.approx(480)
    assert found["feeds"].spark == pytest.approx((8.0,) * 8)


def test_a_survey_ends_after_a_bounded_number_of_steps_and_says_so() -> None:
    page = GroupPage((group("a1a1a1a1a1a1", 2_000),), "-5:n1-0", 2_000)
    client = FakeClient(group_failures=page)

    found = survey(as_client(client), ["feeds"])

    assert len(client.calls) == MOST_PAGES
    assert (found.looked, found.complete) == (MOST_PAGES * 2_000, False)
    assert [each.count for each in found.groups] == [MOST_PAGES * 2_000]


def test_a_survey_looks_at_every_queue() -> None:
    client = FakeClient(group_failures=GroupPage((), "more", 2_000))
    queues = [f"q{n}" for n in range(25)]

    _ = survey(as_client(client), queues)

    assert [args[0] for _, args in client.calls] == queues


def test_another_survey_is_due_only_when_jobs_died_or_went() -> None:
    surveyor = Surveyor()
    totals = dead_totals(frame(0))
    assert surveyor.due(totals)
    surveyor.take(Survey(took_s=0.5), totals)

    assert not surveyor.due(dead_totals(frame(0)))
    assert surveyor.due(dead_totals(frame(1)))
    assert surveyor.pause_s == pytest.approx(10.0)


# -- the screen ------------------------------------------------------------------------------------


async def test_the_screen_groups_what_the_server_has(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await shown.press("4")
        await shown.until("7 dead jobs")
        await shown.until("ValueError: no such user")
        rows = shown.app.view.rows
        assert rows is not None
        await until(lambda: sum(row.dead or 0 for row in rows.shown) == 7, 10, "all dead jobs")
        assert {(row.task, row.dead, row.queues) for row in rows.shown} == {
            ("send-email", 5, ("mail", "news")),
            ("make-title", 2, ("mail",)),
            ("later", 0, ("mail",)),
        }


async def test_enter_on_a_cause_shows_its_jobs(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await shown.press("4")
        rows = shown.app.view.rows
        assert rows is not None
        await until(lambda: sum(row.dead or 0 for row in rows.shown) == 7, 10, "all dead jobs")
        for task, state, count in (("send-email", "dead", 5), ("later", "scheduled", 3)):
            rows.go_to(next(row.fingerprint for row in rows.shown if row.task == task))
            name = shown.app.view.subject()
            assert shown.app.view.command() == f"taskq jobs --group {name}"
            await shown.press("enter")
            await shown.until(f"of group {name}; page 1: {count} jobs")
            assert f"--state {state}" in shown.app.view.command()
            await shown.press("escape")
            assert shown.app.view.id == "failures"


async def test_a_finding_leads_to_the_causes_in_its_queue() -> None:
    client = FakeClient(group_failures=GroupPage((group("ffffffffff", 3, "other"),), "", 3))
    async with showing(client=client) as shown:
        rows = shown.app.view.rows
        assert rows is not None
        finding = next(row for row in rows.shown if row.screen == "failures" and row.queue == "feeds")
        rows.go_to((finding.queue, finding.text[:12]))
        await shown.press("enter")
        await shown.until("ConnectionError")
        assert shown.app.view.id == "failures"
        causes_shown = shown.app.view.rows
        assert causes_shown is not None
        assert {row.queues for row in causes_shown.shown} == {("feeds",)}
        await shown.press("c")
        assert ("other",) in {row.queues for row in causes_shown.shown}


async def test_in_the_past_and_in_a_recording_causes_are_those_of_the_attempts() -> None:
    async with showing(replay=True, size=(160, 24)) as shown:
        await shown.press("4")
        assert "causes of dead jobs: live only" in shown.frame()
        assert "TimeoutError: no answer within 5 s" in shown.frame()
