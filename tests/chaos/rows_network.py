"""Rows B: replies lost, requests repeated, black holes, resets."""

from __future__ import annotations

import time
from collections.abc import Sequence

from taskq_core import Client
from tests.chaos.proxy import Mode
from tests.chaos.row import Row, jobs_flow, warm
from tests.chaos.world import LEASE_S, World


def b1(world: World) -> None:
    """The reply to a claim is swallowed, and the worker lives on."""
    (hand,) = world.hire(1)
    warm(world)
    for _ in range(3):
        hand.proxy.behave(Mode(lose=1))
        world.send(20, s=0.01)
        jobs_flow(world, 20)
    world.settle()


def b3(world: World) -> None:
    """Replies of the work connection are swallowed again and again."""
    (hand,) = world.hire(1)
    with world.load(100, s=0.01):
        for _ in range(5):
            jobs_flow(world, 10)
            hand.proxy.behave(Mode(lose=2))
            time.sleep(0.3)
    world.settle()


def b4(world: World) -> None:
    """Replies to a producer are swallowed."""
    world.hire(1)
    proxy = world.proxy()
    client = Client(proxy.url, deadline=30)
    for _ in range(10):
        proxy.behave(Mode(lose=1))
        world.send(20, client=client)
    client.close()
    world.settle()


def b5(world: World) -> None:
    """Everything is sent twice: by producers and by workers."""
    for hand in world.hire(2, mirror=True):
        assert hand.process.poll() is None
    proxy = world.proxy()
    proxy.behave(Mode(mirror=True))
    client = Client(proxy.url, deadline=30)
    world.send(300, client=client, s=0.01)
    client.close()
    world.settle()


def b6(world: World) -> None:
    """200 ms ± 200 ms of latency."""
    hands = world.hire(2)
    for hand in hands:
        hand.proxy.behave(Mode(latency=0.2, jitter=0.2))
    world.send(200, s=0.01)
    world.settle()


def b7(world: World) -> None:
    """A black hole between a worker and the server, longer than a lease."""
    black_hole(world, 3 * LEASE_S)


def b7_short(world: World) -> None:
    """A black hole shorter than a lease."""
    black_hole(world, 0.4 * LEASE_S)


def black_hole(world: World, seconds: float) -> None:
    """One of two workers hears and says nothing for a time; then its connections end."""
    hands = world.hire(2)
    world.send(100, s=0.1)
    jobs_flow(world, 8)
    hands[0].proxy.behave(Mode(drop_up=True, drop_down=True))
    time.sleep(seconds)
    hands[0].proxy.behave(Mode())
    hands[0].proxy.reset_connections()
    world.send(40, s=0.02)
    world.settle()


def b9(world: World) -> None:
    """All connections are reset every 100 ms."""
    hands = world.hire(2)
    with world.load(100, s=0.01):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for hand in hands:
                hand.proxy.reset_connections()
            time.sleep(0.1)
        world.healed()
        jobs_flow(world, 100)
    world.settle()


NETWORK_ROWS: Sequence[Row] = (
    Row("B1", "the reply to a claim is swallowed", "adopted within half a lease", b1, {"D": 0}),
    Row("B3", "replies to a worker swallowed", "D=0", b3, {"D": 0}),
    Row("B4", "replies to a producer swallowed", "U=0", b4, {"D": 0}),
    Row("B5", "every request is sent twice", "D=U=0", b5, {"D": 0}),
    Row("B6", "200 ms ± 200 ms latency", "no reclaim: D=0", b6, {"D": 0, "V": 0}),
    Row("B7", "black hole for 3 leases", "the worker fences itself", b7, {"D": 16, "V": 16}),
    Row("B7s", "black hole for less than a lease", "D=0", b7_short, {"D": 0}),
    Row("B9", "RST every 100 ms", "progress, no leak", b9, {"D": 0}),
)  # fmt: skip
