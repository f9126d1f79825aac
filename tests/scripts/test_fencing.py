"""Fencing: a worker that lost its lease changes nothing, and nobody ends what another one runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import noting, work
from taskq_core.commands.work import Acks
from taskq_core.notebook import News, Notebook
from taskq_core.scripts import script, script_names
from tests.scripts.grouping import concluding
from tests.scripts.rig import LONG_MS, Rig

Build = Callable[[Rig, list[Job]], Command[Any]]


def _news() -> News:
    book = Notebook()
    book.log("a word from the grave")
    news = book.news()
    assert news is not None
    return news


ZOMBIE: dict[str, Build] = {
    "ack": lambda rig, jobs: rig.acking("w1", *jobs),
    "ack-times": lambda rig, jobs: work.ack(rig.keys, "w1", Acks(counts={"r1": 1})),
    "fail": lambda rig, jobs: rig.failing("w1", *jobs, retries=1),
    "bury": lambda rig, jobs: rig.failing("w1", *jobs),
    "release": lambda rig, jobs: work.release(rig.keys, "w1", jobs),
    "conclude": lambda rig, jobs: concluding(rig, "w1", *jobs),
    "adopt": lambda rig, jobs: work.adopt(rig.keys, "w1", [(job.stream, job.entry) for job in jobs]),
    "report": lambda rig, jobs: noting.report(
        rig.keys, "w1", [noting.Report(job, _news(), LONG_MS) for job in jobs]
    ),
    "heartbeat": lambda rig, jobs: work.heartbeat(rig.keys, "w1", LONG_MS, {"host": "zombie"}),
    "claim": lambda rig, jobs: work.claim(rig.keys, "w1", work.Wanted(5)),
    "claim_flow": lambda rig, jobs: work.claim(rig.keys, "w1", work.Wanted(5), flow=True),
}
ANSWERS = {"adopt": [], "claim": work.Claim("lost", -1, [], {}), "claim_flow": work.Claim("lost", -1, [], {})}


def test_every_script_that_asks_for_a_lease_is_tried() -> None:
    asks = re.compile(r"if not (redis\.)?call\('ZSCORE', leases, worker\) then return")
    asking = {name for name in script_names() if asks.search(script(name).source)}

    assert asking == {verb.partition("-")[0] for verb in ZOMBIE} - {"bury"}


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


@pytest.mark.parametrize("verb", ["fail", "bury", "release", "adopt"])
def test_nothing_is_held_of_a_stream_that_was_deleted(rig: Rig, verb: str) -> None:
    rig.add(2)
    rig.hire()
    jobs = rig.claim(want=2)
    rig.raw.delete(*rig.keys.streams)

    assert rig.run(ZOMBIE[verb](rig, jobs)) == ([] if verb == "adopt" else 0)
