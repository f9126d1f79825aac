"""Rows E1 and E2: the server's clock is set an hour forward, or back, while jobs run and others wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from taskq_core import JobOptions
from tests.chaos.clocks import set_clock
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until

LATER = 5


def e1(world: World) -> None:
    """An hour forward: no lease ends by it; jobs that are due within the hour are due at once."""
    hands = world.hire(2)
    _delay(world, timedelta(minutes=30))
    _delay(world, timedelta(hours=2))
    with world.load(200, s=0.02):
        jobs_flow(world, 40)
        set_clock(world.server, 1)
        jobs_flow(world, 100)
        time.sleep(1.5 * LEASE_S)
        assert _recovered(world) == 0, "jobs were taken over from workers that live"
        wait_until(lambda: world.admin.snapshot(QUEUE).scheduled == LATER, 20, "the jobs that were due")
        hands[0].kill()
        world.healed()
    set_clock(world.server, 2.5)
    world.settle()


def e2(world: World) -> None:
    """An hour back: who dies then is noticed as always, and what was due waits an hour longer, unharmed."""
    hands = world.hire(2)
    _delay(world, timedelta(seconds=2 * LEASE_S))
    with world.load(200, s=0.02):
        jobs_flow(world, 40)
        hands[0].kill()
        set_clock(world.server, -1)
        jobs_flow(world, 100)
        wait_until(lambda: len(world.admin.workers(QUEUE)) == 1, 20, "the take-over")
        assert world.admin.snapshot(QUEUE).scheduled == LATER
    world.hire(1)
    set_clock(world.server, 0)
    world.settle()


def _delay(world: World, delay: timedelta) -> None:
    """Jobs for later, as the ledger knows them."""
    numbers = range(world.sent, world.sent + LATER)
    receipts = world.admin.enqueue_many(QUEUE, "nap", [{"n": n} for n in numbers], JobOptions(delay=delay))
    for number, receipt in zip(numbers, receipts, strict=True):
        world.ledger.note("ok", number, job=receipt.id)
    world.sent += LATER


def _recovered(world: World) -> int:
    return world.admin.snapshot(QUEUE).totals.get("recovered", 0)


CLOCK_ROWS: Sequence[Row] = (
    Row("E1", "the server's clock an hour forward", "no mass reclaim; due jobs run at once", e1,
        {"D": 0, "V": 0}, clock=True, quick=False),
    Row("E2", "the server's clock an hour back, and a worker killed", "taken over within lease + 2 s", e2,
        {"D": 0, "V": 0}, clock=True, quick=False),
)  # fmt: skip
