"""How programs end that do not end by themselves: time-outs, cancellation, shutdown, leftovers."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from taskq_core import JobOptions, State
from tests.cli.shop import Shop, alive, result, until_dead
from tests.waiting import wait_until

STUBBORN = """
trap '' TERM
sleep 1000 & echo $! >> pids
sh -c "trap '' TERM; sleep 1000" & echo $! >> pids
echo $$ >> pids
wait; sleep 1000
"""


def test_a_timeout_kills_the_whole_process_group(shop: Shop) -> None:
    ref = shop.add(options=JobOptions(retries=0, timeout=timedelta(seconds=0.7)))
    worker = shop.start(shop.script(STUBBORN))
    pids = shop.pids(3)
    assert all(map(alive, pids))

    job = until_dead(shop, ref)

    assert job.error is not None
    assert job.error.type == "JobTimeout"
    assert not any(map(alive, pids))
    assert worker.running


def test_a_program_may_tidy_up_when_its_time_is_over(shop: Shop) -> None:
    ref = shop.add(options=JobOptions(retries=0, timeout=timedelta(seconds=0.5)))
    shop.start(shop.script("trap 'echo tidy > tidied; exit 1' TERM\nwhile :; do sleep 0.01; done"))

    until_dead(shop, ref)

    assert (shop.folder / "tidied").read_text() == "tidy\n"


def test_cancelling_kills_the_group_too(shop: Shop) -> None:
    ref = shop.add()
    shop.start(shop.script(STUBBORN))
    pids = shop.pids(3)

    shop.client.cancel("images", [ref.id])

    wait_until(lambda: shop.client.inspect(ref).state is State.CANCELLED)
    wait_until(lambda: not any(map(alive, pids)), 10, "the end of the group")


def test_what_a_program_leaves_in_the_background_ends_with_it(shop: Shop) -> None:
    job = shop.run(shop.script("sleep 1000 & echo $! >> pids; echo started"))

    assert result(job) == "started"
    assert not any(map(alive, shop.pids(1)))


def test_a_process_that_left_the_group_does_not_hold_up_the_job(shop: Shop) -> None:
    away = "setsid sh -c 'echo $$ > pids; exec sleep 30' & while [ ! -s pids ]; do sleep 0.01; done"

    job = shop.run(shop.script(f"{away}; echo started"))

    (pid,) = shop.pids(1)
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)
    assert result(job) == "started"


def test_what_does_not_end_within_the_grace_is_killed_and_given_back(shop: Shop) -> None:
    ref = shop.add()
    worker = shop.start(shop.script(STUBBORN), "--grace", "100ms")
    pids = shop.pids(3)

    assert worker.stop() == 143

    assert not any(map(alive, pids))
    assert (shop.client.inspect(ref).state, shop.client.inspect(ref).attempts) == (State.READY, 0)


@pytest.mark.parametrize("processes", [(), ("--processes", "2")])
def test_a_second_signal_takes_the_programs_with_it(processes: tuple[str, ...], shop: Shop) -> None:
    shop.add()
    worker = shop.start(shop.script(STUBBORN), *processes)
    pids = shop.pids(3)

    worker.send(signal.SIGTERM)
    wait_until(lambda: "once more" in worker.stderr)
    worker.send(signal.SIGTERM)

    assert worker.wait(10) == 143
    wait_until(lambda: not any(map(alive, pids)), 2)
