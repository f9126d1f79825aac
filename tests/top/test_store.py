from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_cli.top.clockwork import Clockwork
from taskq_cli.top.frame import Frame
from taskq_cli.top.store import KEPT_QUEUES, KEPT_S, Store
from tests.top.world import FLOWS, START, Flow, frame, ticks


def filled(count: int) -> Store:
    store = Store()
    for tick in ticks(count):
        store.add(tick.frame, tick.past)
    return store


def test_rates_of_a_queue_are_those_of_its_counts() -> None:
    store = filled(60)
    latest = store.latest
    assert latest is not None
    for queue, flow in zip(latest.queues, FLOWS, strict=True):
        assert store.rate(queue, "enqueued") == pytest.approx(flow.comes)
        assert store.rate(queue, "done") == pytest.approx(flow.done)


def test_the_first_frame_has_the_rates_of_the_hour_before() -> None:
    store = filled(1)
    [emails, *_] = frame(0).queues

    assert store.rate(emails, "enqueued", 30) == pytest.approx(212)
    # the burst of ten minutes ago
    burst = emails.at.timestamp() - 31 - 12 * 60
    assert store.series["emails"].rate(burst, 60, "enqueued") == pytest.approx(3 * 212)


def test_rates_of_all_queues_are_added() -> None:
    store = filled(60)
    latest = store.latest
    assert latest is not None

    rates = store.rates(latest, "enqueued", 40, 8)

    assert rates == pytest.approx([sum(flow.comes for flow in FLOWS)] * 8)


def test_the_frame_of_a_time_is_the_one_that_was_on_screen_then() -> None:
    store = filled(10)

    def at(second: float) -> Frame | None:
        return store.frame_at(START.timestamp() + second)

    assert at(4.0) is store.frames[4]
    assert at(4.9) is store.frames[4]
    assert at(-50) is store.frames[0]
    assert at(900) is store.frames[-1]
    assert Store().frame_at(0) is None


def test_neighbours_end_at_the_ends() -> None:
    store = filled(10)
    assert store.neighbour(store.frames[4], -3) is store.frames[1]
    assert store.neighbour(store.frames[4], -30) is store.frames[0]
    assert store.neighbour(store.frames[4], 30) is store.frames[-1]


def test_a_quarter_of_an_hour_is_kept_and_no_more() -> None:
    store = filled(1_300)

    kept = store.frames[-1].at - store.frames[0].at

    assert timedelta(seconds=KEPT_S) <= kept <= timedelta(seconds=KEPT_S + 60)
    assert len(store.series["emails"].times) < 500


def test_with_very_many_queues_frames_are_thinned_out_but_reach_as_far_back() -> None:
    store = Store()
    many = [Flow(f"q{n}", comes=1) for n in range(300)]
    for second in range(240):
        store.add(frame(second, many))

    assert sum(len(kept.queues) for kept in store.frames) <= KEPT_QUEUES + 60 * 300
    assert store.frames[0].at == START
    assert [int((kept.at - START).total_seconds()) for kept in store.frames[-30:]] == list(range(210, 240))


def test_a_queue_that_is_gone_is_forgotten_after_an_hour() -> None:
    store = Store()
    store.add(frame(0, [Flow("gone", comes=5), Flow("there", comes=5)]))
    for second in range(60, 140 * 60, 30):
        store.add(frame(second, [Flow("there", comes=5)]))

    assert set(store.series) == {"there"}


# -- which moment is shown ------------------------------------------------------------------------


def clockwork(count: int = 10, *, replay: bool = False) -> Clockwork:
    return Clockwork(filled(count), 1.0, replay=replay, arrived=100.0)


def test_live_becomes_stale_after_three_ticks_without_news() -> None:
    clock = clockwork()
    assert clock.state(101.0) == "live"
    assert clock.state(103.5) == "stale"
    clock.lost = "refused"
    assert clock.state(101.0) == "disconnected"


def test_a_recording_is_called_one_and_is_never_stale() -> None:
    assert clockwork(replay=True).state(500.0) == "replay"


def test_a_frozen_picture_stays_while_frames_arrive_and_its_age_grows() -> None:
    clock = clockwork()
    clock.freeze()
    held = clock.shown
    clock.store.add(frame(20))

    assert clock.shown is held
    assert clock.state(100.0) == "frozen"
    assert clock.age(100.5) == pytest.approx(20 - 9 + 0.5)

    clock.freeze()
    assert clock.shown is clock.store.latest
    assert clock.state(100.0) == "live"


def test_one_goes_back_tick_by_tick_and_past_the_newest_one_is_live_again() -> None:
    clock = clockwork()
    clock.travel(-2)
    assert clock.shown is clock.store.frames[7]
    clock.travel(1)
    assert clock.shown is clock.store.frames[8]
    assert clock.held is not None
    clock.travel(60)
    assert clock.held is None
    clock.travel(-600)
    assert clock.shown is clock.store.frames[0]


def test_one_can_go_to_a_time_and_back_to_now() -> None:
    clock = clockwork()
    assert clock.go_to(START + timedelta(seconds=3)) is clock.store.frames[3]
    assert clock.state(100.0) == "frozen"
    clock.live()
    assert clock.shown is clock.store.latest


def test_without_any_frame_nothing_is_shown_and_no_key_fails() -> None:
    clock = Clockwork(Store(), 1.0)
    clock.travel(-1)
    clock.freeze()
    assert clock.go_to(START) is None
    assert clock.shown is None
    assert clock.age(5.0) == 5.0
