"""Rows A: workers are killed, stopped, blocked and poisoned."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

from tests.chaos.checker import Figures
from tests.chaos.proxy import Mode
from tests.chaos.row import Row, jobs_flow, started, warm
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until


def a1(world: World) -> None:
    """One of four is killed under load."""
    hands = world.hire(3)
    with world.load(200, s=0.02):
        jobs_flow(world, 100)
        world.random.choice(hands).kill()
        world.healed()
        time.sleep(LEASE_S)
    world.settle()


def a2(world: World) -> None:
    """Killed between the end of a handler and its ack: the ack is held back."""
    (victim,) = world.hire(1)
    world.send(8, s=0.3)
    wait_until(lambda: started(world) >= 8, 20, "eight runs")
    victim.proxy.behave(Mode(hold=True))
    wait_until(lambda: world.finished() >= 8, 20, "their ends")
    victim.kill()
    world.hire(1)
    world.settle()


def a3(world: World) -> None:
    """Killed after the ack was carried out and before its reply came."""
    (victim,) = world.hire(1)
    warm(world)
    world.send(1, s=0.3)  # of several, the first one's ack would wait for its reply, and the others behind it
    wait_until(lambda: started(world) >= 9, 20, "a run")
    victim.proxy.behave(Mode(drop_down=True))
    wait_until(lambda: world.finished() >= 9, 20, "its end")
    wait_until(lambda: world.admin.snapshot(QUEUE).running == 0, 20, "the ack")
    victim.kill()
    world.hire(1)
    world.settle()


def a4(world: World) -> None:
    """Killed between a claim's reply and the start: the reply is swallowed."""
    (victim,) = world.hire(1)
    warm(world)
    victim.proxy.behave(Mode(drop_down=True))
    world.send(20)
    wait_until(lambda: world.admin.snapshot(QUEUE).running > 0, 20, "the claim")
    victim.kill()
    world.hire(1)
    world.settle()


def a5(world: World) -> None:
    """Stopped for three leases and woken: a zombie."""
    hands = world.hire(2)
    world.send(60, s=0.1)
    jobs_flow(world, 8)
    hands[0].signal(signal.SIGSTOP)
    time.sleep(3 * LEASE_S)
    hands[0].signal(signal.SIGCONT)
    world.send(60, s=0.05)
    world.settle()
    wait_until(lambda: len(world.admin.workers(QUEUE)) == 2, 20, "the zombie under a new name")


def a6(world: World) -> None:
    """Stopped for less than a lease."""
    hands = world.hire(2)
    with world.load(100, s=0.05):
        jobs_flow(world, 20)
        hands[0].signal(signal.SIGSTOP)
        time.sleep(0.5 * LEASE_S)
        hands[0].signal(signal.SIGCONT)
        jobs_flow(world, 20)
    world.settle()


def a7(world: World) -> None:
    """SIGTERM with jobs that run longer than the grace."""
    (victim,) = world.hire(1, grace=0.3)
    world.send(8, s=2.0)
    wait_until(lambda: started(world) >= 8, 20, "eight runs")
    victim.signal(signal.SIGTERM)
    victim.process.wait(10)
    world.hire(1)
    world.settle()


def a9(world: World) -> None:
    """A handler blocks the loop for three leases."""
    world.hire(2)
    world.send(2, "block", s=3 * LEASE_S)
    world.send(40, s=0.01)
    world.settle()


def a10(world: World) -> None:
    """A handler hangs and ignores its cancellation."""
    world.hire(1)
    world.send(3, "stubborn")
    world.send(40, s=0.01)
    wait_until(lambda: world.finished() >= 40, 30, "all jobs that end")
    wait_until(lambda: world.admin.snapshot(QUEUE).running == 0, 30, "the time-outs")
    world.settle()


def a11(world: World) -> None:
    """Jobs that kill their worker, by exit and by a segfault; each dead worker is replaced."""
    world.hire(2)
    world.send(1, "die", how="exit")
    world.send(1, "die", how="segfault")
    world.send(40, s=0.01)
    end = time.monotonic() + 60
    while world.admin.snapshot(QUEUE).dead < 2 and time.monotonic() < end:
        for hand in [hand for hand in world.hands if hand.process.poll() is not None]:
            world.hands.remove(hand)
            world.start()
        time.sleep(0.1)
    world.settle()


def a13(world: World) -> None:
    """All workers are killed, and others started."""
    hands = world.hire(3)
    world.send(200, s=0.05)
    jobs_flow(world, 20)
    for hand in hands:
        hand.kill()
    world.hire(2)
    world.healed()
    world.settle()


def _attempts_unburnt(figures: Figures, world: World) -> bool:
    return all(event.attempt == 1 for event in world.events() if event.kind == "start")


def _both_dead(figures: Figures, world: World) -> bool:
    return world.admin.snapshot(QUEUE).dead == 2


WORKER_ROWS: Sequence[Row] = (
    Row("A1", "SIGKILL one of 3 workers under load", "runs again elsewhere", a1, {"D": 0}),
    Row("A2", "kill between end of handler and ack", "D ≤ what was in flight", a2, {"D": 8}),
    Row("A3", "kill after the ack was carried out, before its reply", "D=0", a3, {"D": 0}),
    Row("A4", "kill between claim reply and start", "D=0", a4, {"D": 0}),
    Row("A5", "SIGSTOP 3 leases, SIGCONT", "its acks are refused; it registers anew", a5, {"D": 8, "V": 8}),
    Row("A6", "SIGSTOP shorter than the lease", "D=0", a6, {"D": 0, "V": 0}),
    Row("A7", "SIGTERM with jobs longer than the grace", "given back, attempt not burnt", a7, {"D": 0},
        _attempts_unburnt),
    Row("A9", "a handler blocks the loop for 3 leases", "the lease is kept: D=0", a9, {"D": 0, "V": 0},
        quick=False),
    Row("A10", "a handler hangs and ignores cancellation", "the slot is freed, the job is buried", a10,
        quick=False),
    Row("A11", "poison: exit and segfault", "dead as poison, others unharmed", a11, {"D": 0}, _both_dead,
        quick=False),
    Row("A13", "all workers killed, started again", "all recovered", a13, {"D": 24}),
)  # fmt: skip
