"""Rows D3, D7, D8: durable enqueues, sentinels that promote, and a cluster that loses a primary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from tests.chaos.row import Row, jobs_flow
from tests.chaos.rows_replica import promote, replica
from tests.chaos.world import QUEUE, World
from tests.groups import Cluster, Sentinels
from tests.servers import Server
from tests.waiting import NotInTime, wait_until


def d3(world: World) -> None:
    """The server dies while its replica hears nothing: what was called durable is on the replica."""
    with replica(world) as successor:
        world.hire(2)
        with world.load(200, s=0.01, durable=True):
            jobs_flow(world, 60)
            with successor.frozen():
                time.sleep(0.5)
                world.server.kill()
            promote(world, successor)
        world.send(40, s=0.01)
        world.settle()
        world.conclude()


def d7(world: World) -> None:
    """The primary dies and another is made one, again and again."""
    group = world.group
    assert isinstance(group, Sentinels)
    world.hire(2)
    with world.load(100, s=0.01):
        for _ in range(2):
            jobs_flow(world, 40)
            group.fail_over(world.healed)
            jobs_flow(world, 40)
    world.settle()
    world.present = group.primary


def d8(world: World) -> None:
    """The queue's primary is killed, comes back as a replica, and is made primary again in good order."""
    group = world.group
    assert isinstance(group, Cluster)
    world.hire(2)
    with world.load(100, s=0.01):
        jobs_flow(world, 40)
        first = group.primary_of(QUEUE)
        first.kill()
        world.healed()
        wait_until(lambda: group.primary_of(QUEUE) is not first, 30, "the failover")
        jobs_flow(world, 40)
        first.start()
        wait_until(lambda: _in_step(first), 30, "the return of the dead one")
        wait_until(lambda: _takes_over(group, first), 30, "the second failover")
        jobs_flow(world, 40)
    world.settle()
    world.present = group.primary_of(QUEUE)


def _in_step(server: Server) -> bool:
    info = server.raw.info("replication")
    return bool(info["role"] == "slave" and info["master_link_status"] == "up")


def _takes_over(group: Cluster, replica: Server) -> bool:
    # the primary may be too busy to hand over: then it is asked again
    if replica.raw.info("replication")["role"] == "slave":
        replica.raw.execute_command("CLUSTER", "FAILOVER")
        with contextlib.suppress(NotInTime):
            wait_until(lambda: group.primary_of(QUEUE) is replica, 6)
    return group.primary_of(QUEUE) is replica


LAGGED = {"L": 40, "D": 64, "C": 100}
"""A failover loses what the replica had not heard of: acknowledged batches, and ends that are told twice."""

TOPOLOGY_ROWS: Sequence[Row] = (
    Row("D3", "durable enqueues, the server dies while the replica is frozen", "L=0", d3,
        {"D": 32, "C": 100}, quick=False),
    # alone: a primary that is slow to answer is replaced too, and goes on with clients that did not hear
    Row("D7", "Sentinel failover, twice", "L ≤ what was not replicated", d7, LAGGED,
        group=Sentinels, quick=False, alone=True),
    Row("D8", "Cluster 3+3: its primary killed, then a failover in order", "L ≤ what was not replicated", d8,
        LAGGED, group=Cluster, quick=False),
)  # fmt: skip
