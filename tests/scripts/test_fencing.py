"""Fencing and idempotence: a worker that lost its lease changes nothing, a repeated call nothing more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import State
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import operate, work
from taskq_core.commands.work import Acks
from tests.scripts.rig import LONG_MS, Rig

HOUR = timedelta(hours=1)
Build = Callable[[Rig, list[Job]], Command[Any]]

ZOMBIE: dict[str, Build] = {
    "ack": lambda rig, jobs: rig.acking("w1", *jobs),
    "ack-times": lambda rig, jobs: work.ack(rig.keys, "w1", Acks(counts={"r1": 1})),
    "fail": lambda rig, jobs: rig.failing("w1", *jobs, retries=1),
    "bury": lambda rig, jobs: rig.failing("w1", *jobs),
    "release": lambda rig, jobs: work.release(rig.keys, "w1", jobs),
    "adopt": lambda rig, jobs: work.adopt(rig.keys, "w1", [(job.level, job.entry) for job in jobs]),
    "heartbeat": lambda rig, jobs: work.heartbeat(rig.keys, "w1", LONG_MS, {"host": "zombie"}),
    "claim": lambda rig, jobs: work.claim(rig.keys, "w1", work.Wanted(5)),
}
ANSWERS = {"adopt": [], "claim": work.Claim("lost", -1, [], {})}


@pytest.mark.parametrize("moment", ["revoked", "taken over", "running elsewhere"])
@pytest.mark.parametrize("verb", ZOMBIE)
def test_a_zombie_changes_nothing(rig: Rig, verb: str, moment: str) -> None:
    rig.add(2)
    rig.add(1, priority="high")
    for worker in ("w1", "w2"):
        rig.hire(worker)
    jobs = rig.claim("w1", 3)
    if moment == "revoked":
        rig.raw.zadd(rig.keys.revoked, {"w1": 1})
        rig.raw.zrem(rig.keys.leases, "w1")
    else:
        rig.take_over("w1")
    if moment == "running elsewhere":
        assert len(rig.claim("w2", 3)) == 3
    before = rig.dump()

    reply = rig.run(ZOMBIE[verb](rig, jobs))

    assert reply == ANSWERS.get(verb, -1)
    assert rig.dump() == before


def test_a_revoked_name_cannot_come_back(rig: Rig) -> None:
    rig.add(200)
    rig.hire()
    rig.claim(want=200)
    rig.reclaim("w1", rig.expire("w1"))
    before = rig.dump()

    assert rig.run(work.register(rig.keys, "w1", LONG_MS, {"host": "h"})) == -1

    assert rig.dump() == before


@pytest.mark.parametrize("verb", ["fail", "bury", "release", "adopt"])
def test_a_live_worker_changes_nothing_of_anothers_jobs(rig: Rig, verb: str) -> None:
    rig.add(3)
    for worker in ("w1", "w2"):
        rig.hire(worker)
    jobs = rig.claim("w2", 3)
    before = rig.dump()

    rig.run(ZOMBIE[verb](rig, jobs))

    assert rig.dump() == before


def test_the_same_failure_reported_by_two_is_recorded_once(rig: Rig) -> None:
    rig.add()
    rig.hire()
    jobs = rig.claim()

    replies = [rig.run(rig.failing("w1", *jobs, retries=n)) for n in (1, 0)]

    assert replies == [1, 0]
    assert rig.totals() == {"enqueued": 1, "failed": 1, "retried": 1}


# -- every command may arrive twice -------------------------------------------------------------

LIVE: dict[str, Build] = {
    "ack": lambda rig, jobs: rig.acking("w1", *jobs, result=b'{"state":"done","result":1}'),
    "ack-times": lambda rig, jobs: work.ack(rig.keys, "w1", Acks(counts={"r1": 1})),
    "fail": lambda rig, jobs: rig.failing("w1", *jobs, retries=9, delay_ms=60_000),
    "bury": lambda rig, jobs: rig.failing("w1", *jobs),
    "release": lambda rig, jobs: work.release(rig.keys, "w1", jobs),
    "adopt": lambda rig, jobs: work.adopt(rig.keys, "w1", [(job.level, job.entry) for job in jobs]),
    "retire": lambda rig, jobs: work.retire(rig.keys, "w1"),
    "pending": lambda rig, jobs: work.pending(rig.keys, "w1"),
    "watch": lambda rig, jobs: work.watch(rig.keys, "w1", LONG_MS),
    "promote": lambda rig, jobs: work.promote(rig.keys),
    "pause": lambda rig, jobs: operate.pause(rig.keys),
    "resume": lambda rig, jobs: operate.resume(rig.keys),
    "configure": lambda rig, jobs: operate.configure(rig.keys, {"max_jobs": 5, "dead_max": None}),
    "retry": lambda rig, jobs: operate.retry(rig.keys, everything(rig)),
    "cancel": lambda rig, jobs: operate.cancel(rig.keys, everything(rig)),
    "delete": lambda rig, jobs: operate.delete(rig.keys, everything(rig)),
    "purge-ready": lambda rig, jobs: operate.purge(rig.keys, State.READY, None, 1000),
    "purge-scheduled": lambda rig, jobs: operate.purge(rig.keys, State.SCHEDULED, None, 1000),
    "purge-dead": lambda rig, jobs: operate.purge(rig.keys, State.DEAD, None, 1000),
}
CHANGE_NOTHING = {"ack-times", "adopt", "pending", "resume"}


def everything(rig: Rig) -> list[str]:
    """The ids of all jobs of the queue."""
    states = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
    return [job.ref.id for state in states for job in rig.client.list_jobs("q", state).jobs]


@pytest.mark.parametrize("verb", LIVE)
def test_a_command_sent_twice_has_the_effect_of_one(rig: Rig, verb: str) -> None:
    """A queue with jobs in every state and from every history, some of them the worker's own."""
    rig.hire()
    rig.bury(2)
    due, _ = rig.add(2, delay=HOUR)
    again = rig.add(2, keep=HOUR)
    rig.run(rig.failing("w1", *rig.claim(want=2), retries=3))
    rig.make_due(*again)
    rig.promote()
    rig.add(1, priority="low")
    rig.run(work.release(rig.keys, "w1", rig.claim(want=1, order="l")))
    rig.add(3)
    jobs = rig.claim(want=3)
    rig.make_due(due)
    command = LIVE[verb](rig, jobs)
    before = rig.dump()

    rig.run(command)
    once = rig.dump()
    rig.run(command)

    assert rig.dump() == once
    assert (once == before) is (verb in CHANGE_NOTHING)
