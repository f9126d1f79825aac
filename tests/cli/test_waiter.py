"""How jobs are looked at while they are awaited: which, how often, and with what rest between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import pytest

from taskq_cli.waiting import (
    FULL,
    LONGEST_S,
    MOST_S,
    PATIENCE_S,
    REST,
    SHORTEST_S,
    STEP,
    Rhythm,
    Tally,
    Waiter,
)
from taskq_core import Client, JobRef, Standing


class FakeServer:
    """Jobs by id; all are ready until they are ended. Each look takes ``cost_s``."""

    def __init__(self, cost_s: float = 0.0) -> None:
        self.deadline = 1.5
        self.ended: dict[str, Standing] = {}
        self.looks: list[list[str]] = []
        self._cost_s = cost_s

    def states(self, queue: str, ids: Sequence[str]) -> list[Standing]:
        time.sleep(self._cost_s)
        self.looks.append(list(ids))
        return [self.ended.get(job_id, Standing.READY) for job_id in ids]


def refs(count: int, queue: str = "q") -> list[JobRef]:
    return [JobRef(queue, f"n1-{n}") for n in range(count)]


def waiter_on(server: FakeServer, **flags: Any) -> tuple[Waiter, dict[str, str]]:
    reported: dict[str, str] = {}

    def report(ref: JobRef, standing: Standing) -> None:
        assert str(ref) not in reported
        reported[str(ref)] = str(standing)

    return Waiter(cast(Client, server), report, **flags), reported


def look_at_once(waiter: Waiter) -> None:
    waiter.due = 0.0
    waiter.look()


def test_a_look_is_bounded_and_all_jobs_have_their_turn() -> None:
    server = FakeServer()
    waiter, _ = waiter_on(server)
    waiter.add(refs(10 * STEP))
    for _ in range(21):
        look_at_once(waiter)
    assert max(map(len, server.looks)) == STEP
    assert {job_id for look in server.looks for job_id in look} == {ref.id for ref in refs(10 * STEP)}


def test_every_other_look_is_at_the_oldest() -> None:
    server = FakeServer()
    waiter, _ = waiter_on(server)
    waiter.add(refs(10 * STEP))
    for _ in range(10):
        look_at_once(waiter)
    counts = Counter(look[0] for look in server.looks)
    assert counts["n1-0"] >= 5


def test_jobs_that_end_in_order_are_found_without_going_round_all() -> None:
    server = FakeServer()
    waiter, reported = waiter_on(server)
    waiter.add(refs(20 * STEP))
    server.ended = {ref.id: Standing.DONE for ref in refs(10 * STEP)}
    for _ in range(11):
        look_at_once(waiter)
    assert len(reported) >= 9 * STEP


def test_the_rest_is_a_multiple_of_what_a_look_in_vain_took() -> None:
    rhythm = Rhythm()
    assert rhythm.rest(0.01, 0.0) == pytest.approx(0.01 * REST)
    assert rhythm.rest(0.01, 0.6) == pytest.approx(0.01 * REST * 0.4)
    assert rhythm.rest(0.01, 1.0) == 0.0


def test_a_look_that_waited_for_the_server_is_not_paid_for() -> None:
    assert Rhythm().rest(14.0, 0.0) == MOST_S


def test_a_cheap_look_is_repeated_soon_and_less_often_in_time() -> None:
    rhythm = Rhythm()
    rests = [rhythm.rest(0.0, 0.0) for _ in range(20)]
    assert rests == sorted(rests)
    assert rests[0] == pytest.approx(SHORTEST_S * 1.5)
    assert rests[-1] == LONGEST_S
    assert rhythm.rest(0.0, 0.5) == SHORTEST_S
    rhythm.rest(0.0, 0.0)
    rhythm.begin()
    assert rhythm.rest(0.0, 0.0) == rests[0]


def test_a_look_that_comes_too_soon_is_none() -> None:
    server = FakeServer(cost_s=0.04)
    waiter, _ = waiter_on(server)
    waiter.add(refs(3))
    look_at_once(waiter)
    assert waiter.due > time.monotonic()
    waiter.look()
    assert len(server.looks) == 1


def test_jobs_that_have_all_ended_cost_no_rest() -> None:
    server = FakeServer(cost_s=0.04)
    server.ended = {ref.id: Standing.ENDED for ref in refs(3 * STEP)}
    waiter, reported = waiter_on(server)
    waiter.add(refs(3 * STEP))
    look_at_once(waiter)
    assert waiter.due <= time.monotonic()
    waiter.wait(None)
    assert len(reported) == 3 * STEP


def test_there_is_room_for_a_bounded_number() -> None:
    server = FakeServer()
    waiter, _ = waiter_on(server)
    waiter.add(refs(FULL - 1))
    assert not waiter.full
    waiter.add(refs(FULL))
    assert waiter.full
    server.ended = {"n1-0": Standing.DONE}
    look_at_once(waiter)
    assert not waiter.full


def test_a_job_that_was_there_and_is_unknown_later_has_ended() -> None:
    server = FakeServer()
    waiter, reported = waiter_on(server)
    waiter.add(refs(1))
    look_at_once(waiter)
    server.ended = {"n1-0": Standing.UNKNOWN, "n1-1": Standing.UNKNOWN}
    waiter.add(refs(2))
    look_at_once(waiter)
    assert reported == {"q/n1-0": "ended", "q/n1-1": "unknown"}


def test_a_job_named_twice_is_reported_once_and_queues_are_looked_at_apart() -> None:
    server = FakeServer()
    server.ended = {"n1-0": Standing.DONE}
    waiter, reported = waiter_on(server)
    waiter.add([*refs(1), *refs(1), *refs(1, "other")])
    look_at_once(waiter)
    assert reported == {"q/n1-0": "done", "other/n1-0": "done"}
    assert waiter.finished


def test_the_first_is_enough_where_that_was_asked_for() -> None:
    server = FakeServer()
    server.ended = {ref.id: Standing.DONE for ref in refs(3)}
    waiter, reported = waiter_on(server, first_only=True)
    waiter.add(refs(3))
    waiter.wait(None)
    assert list(reported) == ["q/n1-0"]
    assert waiter.tally.exit_code() == 0


def test_a_server_that_has_answered_may_be_away_for_a_while_but_not_beyond_the_end() -> None:
    server = FakeServer()
    waiter, _ = waiter_on(server)
    waiter.add(refs(1))
    look_at_once(waiter)
    assert server.deadline == PATIENCE_S


@pytest.mark.parametrize(
    ("counts", "pending", "any_", "code"),
    [
        ({}, 0, False, 0),
        ({"done": 1, "ended": 2}, 0, False, 0),
        ({"done": 1, "dead": 1}, 0, False, 7),
        ({"cancelled": 1}, 3, False, 7),
        ({"done": 1}, 3, False, 8),
        ({"unknown": 1}, 3, False, 8),
        ({"unknown": 1}, 0, False, 4),
        ({"bad line": 1}, 0, False, 2),
        ({"bad line": 1, "unknown": 1}, 0, False, 1),
        ({"bad line": 1, "unknown": 1, "done": 1}, 0, False, 6),
        ({"bad line": 1, "dead": 1}, 0, False, 7),
        ({"done": 1, "unknown": 1}, 3, True, 0),
        ({"dead": 1}, 3, True, 7),
        ({"unknown": 1}, 3, True, 8),
        ({"unknown": 1}, 0, True, 4),
    ],
)
def test_the_exit_code_tells_the_worst(counts: dict[str, int], pending: int, any_: bool, code: int) -> None:
    assert Tally(any_, Counter(counts), pending).exit_code() == code
