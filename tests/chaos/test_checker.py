"""The checker finds what it is to find in histories that are known to be bad, and blames no good one."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.checker import LastState, check
from tests.chaos.ledger import Event

CLOCK = iter(range(1, 10_000))


def event(kind: str, number: int, **fields: object) -> Event:
    at = float(next(CLOCK))
    return replace(Event(at, kind, "w1", number, f"j{number}", f"r{number}", 1), **fields)  # type: ignore[arg-type]


def job(number: int, *, run: str = "", **fields: object) -> list[Event]:
    return [event("start", number, run=run or f"r{number}", **fields),
            event("finish", number, run=run or f"r{number}", **fields)]  # fmt: skip


def enqueued(*numbers: int) -> list[Event]:
    return [event("ok", number, process="p") for number in numbers]


def done(count: int, enqueued_count: int | None = None) -> LastState:
    return LastState(totals={"enqueued": count if enqueued_count is None else enqueued_count, "done": count})


def test_a_good_history_has_only_noughts() -> None:
    figures = check([*enqueued(1, 2), *job(1), *job(2)], done(2))

    assert set(figures.row().values()) == {"0", "-"}


def test_a_job_that_is_nowhere_is_lost() -> None:
    assert check([*enqueued(1, 2), *job(1)], done(1, 2)).lost == 1


def test_a_job_that_waits_or_is_dead_is_not_lost_but_a_waiting_one_is_stuck() -> None:
    state = LastState(waiting=frozenset({1}), dead=frozenset({2}), totals={"enqueued": 2})

    figures = check(enqueued(1, 2), state)

    assert (figures.lost, figures.stuck) == (0, 1)


def test_an_enqueue_of_unknown_outcome_that_made_two_jobs_is_counted() -> None:
    unknown = event("unknown", 1, process="p")

    figures = check([unknown, *job(1), *job(1, run="again", job="other")], done(2, 2))

    assert figures.unknown_twice == 1


def test_a_job_that_finished_twice_is_a_duplicate() -> None:
    figures = check([*enqueued(1), *job(1), *job(1, run="again")], done(1))

    assert (figures.duplicates, figures.overlaps) == (1, 0)


def test_two_runs_at_the_same_time_are_an_overlap() -> None:
    first, second = job(1), job(1, run="again", process="w2")
    mixed = [first[0], second[0], replace(first[1], at=second[1].at + 1), second[1]]

    assert check([*enqueued(1), *mixed], done(1)).overlaps == 1


def test_a_run_that_never_ended_overlaps_nothing() -> None:
    figures = check([*enqueued(1), event("start", 1, run="killed"), *job(1)], done(1))

    assert (figures.overlaps, figures.duplicates) == (0, 0)


def test_a_later_job_that_began_first_on_the_same_worker_breaks_the_order() -> None:
    assert check([*enqueued(1, 2), *job(2), *job(1)], done(2)).disorder == 1


def test_a_second_attempt_and_another_worker_break_no_order() -> None:
    second = check([*enqueued(1, 2), *job(2), *job(1, attempt=2)], done(2))
    elsewhere = check([*enqueued(3, 4), *job(4), *job(3, process="w2")], done(2))

    assert (second.disorder, elsewhere.disorder) == (0, 0)


def test_counters_that_differ_from_the_ledgers_are_counted() -> None:
    history = [*enqueued(1, 2), *job(1), *job(2)]

    assert check(history, done(2, 3)).counters == 1
    assert check(history, done(1, 2)).counters == 1
    assert check(history, done(3, 2)).counters == 1


def test_an_unknown_enqueue_may_or_may_not_have_counted() -> None:
    unknown = event("unknown", 9, process="p")

    assert check([*enqueued(1), unknown, *job(1)], done(1, 1)).counters == 0
    assert check([*enqueued(1), unknown, *job(1)], done(1, 2)).counters == 0


def test_recovery_is_the_time_until_the_former_rate_is_back() -> None:
    history = [event("ok", n, process="p", at=0.0) for n in range(200)]
    times = [n / 20 for n in range(100)] + [8 + n / 20 for n in range(100)]
    for n, at in enumerate(times):
        history += [event("start", n, at=at, run=f"r{n}"), event("finish", n, at=at + 0.001, run=f"r{n}")]

    figures = check(sorted(history, key=lambda e: e.at), done(200), fault_ended=5.0)

    assert figures.recovery is not None
    assert 2.5 <= figures.recovery <= 3.2


def test_residue_is_passed_on() -> None:
    state = LastState(totals={"enqueued": 0}, residue=("3 pending in n",))

    assert check([], state).row()["M"] == "3 pending in n"
