"""Rows D: a replica takes the place of the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import World
from tests.servers import Server
from tests.waiting import wait_until


@contextmanager
def replica(world: World) -> Iterator[Server]:
    """A replica of the world's server, in step with it."""
    made = Server(world.server.kind, "--replicaof", "127.0.0.1", str(world.server.port)).start()
    try:
        wait_until(lambda: made.raw.info("replication")["master_link_status"] == "up", 20, "the replica")
        yield made
    finally:
        made.remove()


def promote(world: World, successor: Server) -> None:
    """The replica takes over from a server that is dead; all proxies lead there."""
    successor.raw.replicaof("no", "one")
    world.follow(successor)
    world.healed()


def d1(world: World) -> None:
    """The replica has all when the server dies."""
    with replica(world) as successor:
        world.hire(2)
        with world.load(200, s=0.01):
            jobs_flow(world, 100)
        world.send(40, s=0.05)
        world.server.raw.wait(1, 5_000)
        world.server.kill()
        promote(world, successor)
        world.send(40, s=0.01)
        world.settle()
        world.conclude()


def d2(world: World) -> None:
    """The replica lags: what it has not heard of is gone."""
    with replica(world) as successor:
        world.hire(2)
        with world.load(200, s=0.01):
            jobs_flow(world, 100)
        world.server.raw.wait(1, 5_000)
        successor.raw.replicaof("no", "one")  # from here on it hears nothing more
        world.send(60, s=0.05)
        world.server.kill()
        promote(world, successor)
        world.send(40, s=0.01)
        world.settle()
        world.conclude()


REPLICA_ROWS: Sequence[Row] = (
    Row("D1", "replica in step is promoted", "L=0, workers go on by themselves", d1, {"D": 16, "C": 16}),
    Row("D2", "lagging replica is promoted", "L ≤ the 60 it had not heard of", d2,
        {"L": 60, "C": 200, "D": 100},
        quick=False),
)  # fmt: skip
