"""The long runs, short: the same code as `python -m tests.chaos.soak` and `… completion`."""

from __future__ import annotations

import pytest

from tests.chaos import completion, soak
from tests.chaos.completion import Killing
from tests.chaos.soak import Sample

JOBS = 10_000


@pytest.mark.timeout(180)
def test_under_a_killer_all_jobs_are_completed() -> None:
    count, made = completion.run("valkey", JOBS, killing=Killing(0.3, 0.5, a_second=3_000))

    assert made.faults.kinds["worker killed"] >= 1
    assert made.faults.kinds["server killed"] >= 1
    assert (count.jobs, count.lost, count.stuck) == (JOBS, 0, 0), completion.report(count, made)
    assert count.completed + count.dead == count.jobs
    assert count.duplicates == count.explained, completion.report(count, made)


@pytest.mark.timeout(180)
def test_a_soak_loses_nothing_and_tells_what_was_in_use() -> None:
    count, made, samples = soak.run("redis", 2_000, seconds=5, every_s=0.7)

    assert sum(made.faults.kinds.values()) >= 3
    assert (count.jobs, count.lost, count.stuck) == (2_000, 0, 0), soak.report(count, made, samples)
    assert "server memory" in soak.report(count, made, samples)


def test_what_grows_is_found_and_what_comes_and_goes_is_not() -> None:
    calm = [Sample(50e6, 20 + n % 5, 40e6, 18 + n % 3) for n in range(100)]
    leaky = [Sample(50e6, 20 + n, 40e6 + n * 1e6, 18) for n in range(100)]

    assert soak.grown(calm) == []
    assert soak.grown(leaky) == ["connections", "worker_memory"]
