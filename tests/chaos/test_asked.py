"""The checks of limits, turns and order notice histories that are known to be bad."""

from __future__ import annotations

from tests.chaos.asked import Label, beyond_rate, longest_turn, peaks, too_early
from tests.chaos.ledger import Event

ONE = Label(("key k",))


def run(number: int, start: float, end: float | None, process: str = "w1", attempt: int = 1) -> list[Event]:
    """A run of the job of a number; without an end it broke off."""
    name = f"{number}:{start}"
    began = Event(start, "start", process, number, f"j{number}", name, attempt)
    ended = [] if end is None else [Event(end, "finish", process, number, f"j{number}", name, attempt)]
    return [began, *ended]


def told(kind: str, at: float, process: str) -> Event:
    """Something that happened to a worker."""
    return Event(at, kind, process, -1)


def test_two_at_a_time_under_a_limit_are_seen() -> None:
    labels = {1: ONE, 2: ONE, 3: Label(("task t",))}
    apart = [*run(1, 1.0, 2.0), *run(2, 2.0, 3.0, "w2"), *run(3, 1.5, 2.5)]
    assert peaks(apart, labels) == {"key k": 1, "task t": 1}
    assert peaks([*run(1, 1.0, 2.0), *run(2, 1.9, 3.0, "w2")], labels) == {"key k": 2}


def test_a_run_ends_with_its_worker() -> None:
    labels = {1: ONE, 2: ONE}
    broken = [*run(1, 1.0, None), *run(2, 3.0, 4.0, "w2")]
    assert peaks(broken, labels) == {"key k": 2}
    assert peaks([*broken, told("killed", 2.0, "w1")], labels) == {"key k": 1}
    assert peaks([*broken, *run(1, 2.5, 2.9, "w2", 2)], labels) == {"key k": 1}


def test_a_worker_that_stood_still_does_not_count() -> None:
    labels = {1: ONE, 2: ONE}
    events = [*run(1, 1.0, 9.0), *run(2, 3.0, 4.0, "w2"), told("stopped", 1.5, "w1")]
    assert peaks(events, labels) == {"key k": 1}


def test_starts_beyond_a_rate_are_counted() -> None:
    events = [event for number in range(20) for event in run(number, number * 0.1, None)]
    assert beyond_rate(events, set(range(20)), 10, 1) <= 0
    assert beyond_rate(events, set(range(20)), 5, 1) == 10
    assert beyond_rate(events, set(range(20)), 5, 5) == 6


def test_a_tenant_that_is_passed_over_is_seen() -> None:
    labels = {n: Label(tenant="big") for n in range(50)} | {90: Label(tenant="s"), 91: Label(tenant="s")}
    asked = [Event(0.0, "ok", "producer", number) for number in labels]
    big = [event for number in range(50) for event in run(number, 1.0 + number, None)]
    fair = [*asked, *big, *run(90, 2.5, None), *run(91, 4.5, None)]
    starved = [*asked, *big, *run(90, 2.5, None), *run(91, 40.5, None)]
    assert longest_turn(_by_time(fair), labels, "s") == 2
    assert longest_turn(_by_time(starved), labels, "s") == 38
    late = [*asked[:-1], Event(39.5, "ok", "producer", 91), *big, *run(90, 2.5, None), *run(91, 40.5, None)]
    assert longest_turn(_by_time(late), labels, "s") == 2
    taken_over = [*asked, *big, *run(90, 2.5, None), *run(91, 40.5, None, "w2", 2)]
    assert longest_turn(_by_time(taken_over), labels, "s") == 2


def _by_time(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at)


def test_a_callback_before_its_members_is_seen() -> None:
    labels = {3: Label(after=(1, 2))}
    early = [*run(1, 1.0, 2.0), *run(2, 1.0, 4.0), *run(3, 3.0, 5.0)]
    assert too_early(_by_time(early), labels) == [3]
    assert too_early(run(3, 1.0, 2.0), labels) == [3]
    assert too_early([*run(1, 1.0, 2.0), *run(2, 1.0, 2.5), *run(3, 3.0, 5.0)], labels) == []
