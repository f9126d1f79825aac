"""Rows B: replies lost, requests repeated, black holes, resets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from taskq_core import AsyncClient, Client, processes_of
from tests.chaos.proxy import Mode
from tests.chaos.row import Row, jobs_flow, warm
from tests.chaos.world import LEASE_S, QUEUE, Hand, World
from tests.waiting import wait_until

CUTS = 200
CALLS = 1_000


def b1(world: World) -> None:
    """The reply to a claim is swallowed, and the worker lives on."""
    (hand,) = world.hire(1)
    warm(world)
    for _ in range(3):
        hand.proxy.behave(Mode(lose=1))
        world.send(20, s=0.01)
        world.settle()
    assert hand.proxy.lost == 3, f"{hand.proxy.lost} of 3 replies were lost"


def b2(world: World) -> None:
    """Sleeps and the claims behind them are cancelled at any moment, and so are calls beside others."""
    world.words = ("--restless", "0.02")
    world.hire(2)
    with world.load(100, s=0.005):
        asyncio.run(_strangers(world))
        wait_until(lambda: _cuts(world) >= CUTS, 60, "all cuts")
        jobs_flow(world, 50)
    world.settle()


async def _strangers(world: World) -> None:
    """Of twenty calls at once some are cancelled: the others hear what they asked for, and nothing else."""
    proxy = world.proxy()
    proxy.behave(Mode(latency=0.002, jitter=0.002))
    async with AsyncClient(proxy.url, deadline=30) as client:
        for turn in range(CALLS // 20):
            asked = [f"{turn}-{n}" for n in range(20)]
            calls = [asyncio.create_task(client.execute("ECHO", word)) for word in asked]
            await asyncio.sleep(world.random.uniform(0, 0.008))
            for call in world.random.sample(calls, 10):
                call.cancel()
            for word, heard in zip(asked, await asyncio.gather(*calls, return_exceptions=True), strict=True):
                assert heard == word.encode() or isinstance(heard, asyncio.CancelledError), (
                    f"{word}: {heard!r}"
                )


def _cuts(world: World) -> int:
    return sum(event.kind == "cut" for event in world.events())


def b3(world: World) -> None:
    """Replies of the work connection are swallowed again and again."""
    (hand,) = world.hire(1)
    with world.load(100, s=0.01):
        for turn in range(1, 6):
            jobs_flow(world, 10)
            hand.proxy.behave(Mode(lose=2))
            wait_until(partial(_has_lost, hand, 2 * turn), 20, "the losses")
    world.settle()


def _has_lost(hand: Hand, replies: int) -> bool:
    return hand.proxy.lost >= replies


def b4(world: World) -> None:
    """Replies to a producer are swallowed."""
    world.hire(1)
    proxy = world.proxy()
    client = Client(proxy.url, deadline=30)
    for _ in range(10):
        proxy.behave(Mode(lose=1))
        world.send(20, client=client)
    assert proxy.lost == 10, f"{proxy.lost} of 10 replies were lost"
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


def b8(world: World) -> None:
    """All connections are half open: they carry nothing any more, and nobody says so."""
    hands = world.hire(2)
    with world.load(100, s=0.01):
        jobs_flow(world, 20)
        before = [hand.files for hand in hands]
        for hand in hands:
            hand.proxy.mute_connections()
        world.healed()
        wait_until(lambda: all(_runs_since(world, hand, world.fault_ended) for hand in hands), 30, "both")
        jobs_flow(world, 40)
    world.settle()
    assert all(hand.files <= most + 4 for hand, most in zip(hands, before, strict=True)), (
        "files are left open"
    )


def _runs_since(world: World, hand: Hand, when: float | None) -> list[float]:
    return [
        event.at
        for event in world.events()
        if event.kind == "start" and event.process == hand.name and event.at > (when or 0.0)
    ]


def b11(world: World) -> None:
    """The connection of a heartbeat is cut, that of the work lives on."""
    hands = world.hire(2)
    with world.load(100, s=0.02):
        jobs_flow(world, 20)
        hands[0].proxy.behave(Mode(only="beats", drop_up=True, drop_down=True))
        cut = time.time()
        time.sleep(4 * LEASE_S)
        claimed = _runs_since(world, hands[0], cut + 1.5 * LEASE_S)
        hands[0].proxy.behave(Mode())
        world.healed()
        wait_until(lambda: _runs_since(world, hands[0], world.fault_ended), 30, "the one that was cut off")
    world.settle()
    assert not claimed, f"{len(claimed)} jobs were begun without a heartbeat"


def b11_work(world: World) -> None:
    """The connections of the work are cut, that of the heartbeat lives on: seen, and mended by itself."""
    hands = world.hire(2)
    with world.load(100, s=0.02):
        jobs_flow(world, 20)
        hands[0].proxy.behave(Mode(only="work", drop_up=True, drop_down=True))
        wait_until(lambda: _stands_still(world, hands[0]), 30, "somebody who sees it")
        hands[0].proxy.behave(Mode())
        world.healed()
        wait_until(lambda: _runs_since(world, hands[0], world.fault_ended), 30, "the one that was cut off")
    world.settle()


def _stands_still(world: World, hand: Hand) -> bool:
    seen = processes_of(world.admin.workers(QUEUE))
    return any(one.latest.pid == hand.process.pid and one.state == "stuck" for one in seen)


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
    Row("B2", f"{CUTS + CALLS // 2} calls cancelled at random moments", "nothing stuck, no wrong reply",
        b2, {"D": 0}),
    Row("B3", "replies to a worker swallowed", "D=0", b3, {"D": 0}),
    Row("B4", "replies to a producer swallowed", "U=0", b4, {"D": 0}),
    Row("B5", "every request is sent twice", "D=U=0", b5, {"D": 0}),
    Row("B6", "200 ms ± 200 ms latency", "no reclaim: D=0", b6, {"D": 0, "V": 0}),
    Row("B7", "black hole for 3 leases", "the worker fences itself", b7, {"D": 16, "V": 16}),
    Row("B7s", "black hole for less than a lease", "D=0", b7_short, {"D": 0}),
    Row("B8", "all connections half open", "found by deadline, no leak", b8, {"D": 0}, quick=False),
    Row("B11", "the heartbeat's connection cut, the others alive", "stops claiming", b11, {"D": 16, "V": 16},
        quick=False),
    Row("B11w", "all connections cut but the heartbeat's", "seen as stuck; D=0", b11_work, {"D": 0},
        quick=False),
    Row("B9", "RST every 100 ms", "progress, no leak", b9, {"D": 0}),
)  # fmt: skip
