from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from taskq_cli.top.source import Tick
from taskq_core import ServerUnreachable
from tests.top.conftest import Clock
from tests.top.showing import Showing, showing
from tests.top.world import frame, ticks
from tests.waiting import until

SUMS = "in 312/s out 281/s fail 2.8% wait 16 503 (eta ∞) oldest 12m dead 1 382 w 33/60"


def first(shown: Showing) -> str:
    return shown.frame().splitlines()[0]


async def test_the_sums_of_all_queues_fit_into_80_columns(clock: Clock) -> None:
    async with showing() as shown:
        assert shown.frame().splitlines()[1] == SUMS
        await shown.pilot.resize_terminal(120, 40)
        shown.app._tell_condition()
        await shown.rest()
        assert shown.frame().splitlines()[1].endswith("dead 1 382  busy 33/60")


async def test_how_true_the_picture_is_stays_in_sight_of_a_long_name(clock: Clock) -> None:
    async with showing() as shown:
        shown.app.source.label = "a-profile-with-a-long-name:and-a-namespace-that-is-even-longer"
        shown.app._tell_condition()
        await shown.rest()
        assert "… " in first(shown)
        assert first(shown).endswith("● live 1s  rtt 3ms  age <1s")


async def test_it_is_stale_after_three_ticks_and_says_how_old(clock: Clock) -> None:
    async with showing() as shown:
        clock.pass_by(12)
        shown.app._tell_condition()
        await shown.rest()
        assert "◌ stale" in first(shown)
        assert "age 12s" in first(shown)


async def test_a_lost_server_is_no_exit_and_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskq_cli.top.stage.RETRY_S", 0.05)
    async with showing() as shown:
        shown.app._pause = 0.05
        shown.source.error = ServerUnreachable("connection refused")
        poll = shown.app.run_worker(shown.app._poll(), exit_on_error=False)
        await shown.until("disconnected, again in")
        assert "connection refused" in shown.frame()
        assert "16 503" in shown.frame()  # the last picture stays
        assert shown.app.view.rows is not None
        assert shown.app.view.rows.dimmed
        before = shown.source.asked
        await until(lambda: shown.source.asked > before + 1)

        shown.source.waiting = [Tick(frame(95))]
        shown.source.error = None
        await shown.until("● live")
        assert not shown.app.view.rows.dimmed
        assert "connection refused" not in shown.frame()
        await poll.wait()


async def test_a_recording_is_called_one_and_cannot_be_changed(clock: Clock) -> None:
    async with showing(replay=True) as shown:
        assert "READ-ONLY" in first(shown)
        assert "▷ replay" in first(shown)


async def test_time_travel_leads_over_a_burst_that_has_ended(clock: Clock) -> None:
    quiet, burst = list(ticks(60)), 20
    for second in range(burst, burst + 5):
        shown_then = quiet[second].frame
        [emails, *others] = shown_then.queues
        full = replace(emails, ready=(0, 0, 98_765, 0))
        quiet[second] = Tick(replace(shown_then, queues=(full, *others)))
    async with showing(quiet, size=(120, 40)) as shown:
        await shown.press("2")
        assert "98 765" not in shown.frame()
        await shown.press("left_curly_bracket", *["right_square_bracket"] * (burst + 2))
        assert "98 765" in shown.frame()
        assert "‖ frozen" in first(shown)
        assert "age 37s" in first(shown)
        await shown.give(Tick(frame(60)))
        assert "98 765" in shown.frame()  # what is new does not push it away
        await shown.press("ctrl+t")
        assert "98 765" not in shown.frame()
        assert "● live" in first(shown)


async def test_one_can_go_to_a_time_of_day(clock: Clock) -> None:
    async with showing() as shown:
        await shown.press("t", *"12:05:00", "enter")
        await shown.until("12:05:00Z")
        assert "‖ frozen" in first(shown)
        await shown.press("t", *"30s", "enter")
        await shown.until("12:05:30Z")
        await shown.press("t", *"soon", "enter")
        await shown.until("'soon' is no time")
        latest = shown.app.store.latest
        assert latest is not None
        assert latest.at - timedelta(seconds=89) == shown.app.store.frames[0].at


async def test_z_holds_the_picture_and_lets_it_go_on(clock: Clock) -> None:
    async with showing() as shown:
        await shown.press("z")
        await shown.give(Tick(frame(100)))
        assert "12:06:00Z  ‖ frozen" in first(shown)
        await shown.press("z")
        assert "12:06:11Z  ● live" in first(shown)
