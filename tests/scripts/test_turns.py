"""A tenant's turn: how long it is, that what goes and comes again has one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.scripts.crowd import drain, recount, take
from tests.scripts.rig import Rig


@pytest.mark.parametrize("want", [1, 5, 13, 40])
def test_a_turn_is_as_long_as_the_worker_asks_for_and_goes_on_with_the_next_claim(
    rig: Rig, want: int
) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", weight=2)
    rig.client.tenants.set("q", "b", max_running=100)
    for tenant in "abcd":
        rig.add(80, tenant=tenant)
    rig.add(80)

    order = drain(rig, want, most=120, turn=8)[:120]

    # members of a round: four with 8 jobs in a turn, one with 16
    for start in range(0, 96, 48):
        assert Counter(order[start : start + 48]) == {"a": 16, "b": 8, "c": 8, "d": 8, None: 8}, order
    recount(rig)


def test_streams_that_went_and_came_again_have_one_turn(rig: Rig) -> None:
    rig.hire()
    for _ in range(2):  # the ring still knows them when their streams go, and when these are made again
        ids = [rig.add(1, tenant=tenant)[0] for tenant in "abc"]
        assert [outcome.found for outcome in rig.client.cancel("q", ids)] == ["ready"] * 3
        recount(rig)
    rig.add(1, tenant="b")
    rig.add(1, tenant="d")
    recount(rig)

    assert [job.tenant for job in take(rig, want=10, turn=8)] == ["b", "d"]
    assert take(rig, want=10, turn=8) == []
    recount(rig)


def test_a_stream_that_was_deleted_by_hand_costs_the_others_nothing(rig: Rig) -> None:
    rig.hire()
    for tenant in "abc":
        rig.add(2, tenant=tenant)
    rig.raw.delete(rig.keys.root + "n@b")

    assert Counter(job.tenant for job in take(rig, want=10, turn=8)) == {"a": 2, "c": 2}


def test_an_id_is_never_given_out_again_though_the_youngest_went_first(rig: Rig) -> None:
    rig.hire()
    (first,) = rig.add(1, tenant="a")
    (job,) = take(rig)
    future = int(first[1:14]) + 3_600_000  # as if the clock had been set back since
    rig.raw.xadd(rig.keys.root + "n@a", {"t": "{}"}, f"{future}-0")
    assert [outcome.found for outcome in rig.client.cancel("q", [f"n{future}-0@a"])] == ["ready"]
    assert rig.ack("w1", job) == 1
    assert not rig.raw.exists(rig.keys.root + "n@a")

    (next_id,) = rig.add(1, tenant="a")
    assert int(next_id[1:14]) > future
