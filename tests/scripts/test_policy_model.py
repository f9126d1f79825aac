"""Uniqueness, throttle, debounce and replace in any order, against a model; and races of producers.

Time passes by hand: a span that is over is written into the lock, a due time into the index.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from taskq_core import Client, JobOptions, Receipt, State
from taskq_core.claimed import Job
from tests.conftest import ServerPool
from tests.scripts.rig import Rig
from tests.servers import Server

HOUR = timedelta(hours=1)
POLICIES: dict[str, dict[str, Any]] = {
    "unique": {},
    "replace": {"replace": True},
    "throttle": {"throttle": HOUR},
    "throttle, replace": {"throttle": HOUR, "replace": True},
    "debounce": {"debounce": HOUR},
    "debounce, keep": {"debounce": HOUR, "replace": False},
}
KEYS = ("a", "b")


@dataclass
class Known:
    """What the model knows of a job. ``state``: scheduled, ready, running, again (a retry) or ended."""

    key: str
    state: str
    payload: int
    debounced: bool
    claimed: Job | None = None


@dataclass
class Lock:
    """Who holds a key; ``span``: a throttle that runs, False: one that is over, None: none."""

    id: str
    span: bool | None


@dataclass
class World:
    """Locks and jobs as they should be."""

    locks: dict[str, Lock] = field(default_factory=dict)
    jobs: dict[str, Known] = field(default_factory=dict)

    def expect(self, key: str, options: dict[str, Any], n: int) -> tuple[str, bool, bool] | None:
        """Holder, replaced and postponed, applied; None: the call makes a new job."""
        lock = self.locks.get(key)
        if lock is None:
            return None
        holder = self.jobs[lock.id]
        alive = holder.state != "ended"
        if not (alive or lock.span):
            return None
        if "debounce" in options and alive and holder.debounced and holder.state != "scheduled":
            return None
        postponed = "debounce" in options and alive and holder.debounced
        replace = options.get("replace", "debounce" in options)
        replaced = bool(replace and alive and holder.state != "running")
        if replaced:
            holder.payload = n
        return lock.id, replaced, postponed

    def ids(self, *states: str) -> list[str]:
        return [job_id for job_id, job in self.jobs.items() if job.state in states]


class Producers(RuleBasedStateMachine):
    rig: Rig

    def __init__(self) -> None:
        super().__init__()
        self.rig.raw.flushall()
        self.rig.hire()
        self.world = World()
        self.n = 0

    @rule(key=st.sampled_from(KEYS), policy=st.sampled_from(list(POLICIES)), later=st.booleans())
    def call(self, key: str, policy: str, later: bool) -> None:
        self.n += 1
        options = POLICIES[policy] | ({"delay": HOUR} if later and "debounce" not in POLICIES[policy] else {})
        expected = self.world.expect(key, options, self.n)

        receipt = self.rig.client.enqueue("q", "t", {"n": self.n}, JobOptions(unique=key, **options))

        assert receipt.added is (expected is None)
        if expected is None:
            waits = "scheduled" if {"delay", "debounce"} & options.keys() else "ready"
            self.world.jobs[receipt.id] = Known(key, waits, self.n, "debounce" in options)
            self.world.locks[key] = Lock(receipt.id, True if "throttle" in options else None)
        else:
            assert (receipt.id, receipt.replaced, receipt.postponed) == expected

    @precondition(lambda self: self.world.ids("scheduled", "again"))
    @rule(data=st.data())
    def time_comes(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.world.ids("scheduled", "again")))
        self.rig.make_due(job_id)
        self.rig.promote()
        self.world.jobs[job_id].state = "ready"

    @rule()
    def claim(self) -> None:
        for job in self.rig.claim(want=10):
            known = self.world.jobs[job.id]
            assert (known.state, known.payload) == ("ready", job.payload["n"])
            known.state, known.claimed = "running", job

    @precondition(lambda self: self.world.ids("running"))
    @rule(data=st.data(), fails=st.booleans())
    def end(self, data: st.DataObject, fails: bool) -> None:
        job_id = data.draw(st.sampled_from(self.world.ids("running")))
        known = self.world.jobs[job_id]
        assert known.claimed is not None
        if fails:
            self.rig.run(self.rig.failing("w1", known.claimed, retries=1000, delay_ms=3_600_000))
            known.state = "again"
            return
        self.rig.ack("w1", known.claimed)
        known.state = "ended"
        lock = self.world.locks.get(known.key)
        if lock is not None and lock.id == job_id and lock.span is None:
            del self.world.locks[known.key]

    @precondition(lambda self: self.world.ids("scheduled", "ready", "again"))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.world.ids("scheduled", "ready", "again")))
        assert self.rig.client.cancel("q", [job_id])[0].done
        self.world.jobs[job_id].state = "ended"

    @precondition(lambda self: any(lock.span for lock in self.world.locks.values()))
    @rule(data=st.data())
    def span_ends(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([key for key, lock in self.world.locks.items() if lock.span]))
        name = self.rig.keys.unique(key)
        holder, _, until = self.rig.raw.get(name).partition(b" ")
        assert int(until) > 0
        self.rig.raw.set(name, holder + b" 1", keepttl=True)
        self.world.locks[key].span = False

    @invariant()
    def nothing_is_lost_or_made_twice(self) -> None:
        snapshot = self.rig.client.snapshot("q")
        assert snapshot.scheduled == len(self.world.ids("scheduled", "again"))
        assert sum(snapshot.ready.values()) == len(self.world.ids("ready"))
        assert snapshot.running == len(self.world.ids("running"))
        assert self.rig.totals().get("enqueued", 0) == len(self.world.jobs)


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_calls_with_a_key_do_what_the_model_says(server_pool: ServerPool, kind: str) -> None:
    class OnServer(Producers):
        rig = Rig(server_pool(kind), 3)

    run_state_machine_as_test(
        OnServer,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    OnServer.rig.client.close()


# -- races ----------------------------------------------------------------------------------------


@contextmanager
def clients(server: Server, count: int) -> Iterator[list[Client]]:
    made = [Client(server.url) for _ in range(count)]
    try:
        yield made
    finally:
        for client in made:
            client.close()


@pytest.mark.parametrize("policy", list(POLICIES))
def test_producers_that_race_make_one_job(any_server: Server, policy: str) -> None:
    options = JobOptions(unique="k", **POLICIES[policy])
    receipts: list[Receipt] = []
    start = threading.Barrier(6)

    def produce(client: Client, number: int) -> None:
        start.wait()
        receipts.extend(client.enqueue("q", "t", {"n": number * 100 + n}, options) for n in range(20))

    with clients(any_server, 6) as made:
        threads = [
            threading.Thread(target=produce, args=(client, number)) for number, client in enumerate(made)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = State.SCHEDULED if "debounce" in policy else State.READY
        (job,) = made[0].list_jobs("q", state).jobs

    assert {receipt.id for receipt in receipts} == {job.ref.id}
    assert [receipt.added for receipt in receipts].count(True) == 1
    if options.replace or policy == "debounce":
        assert int(job.payload.decode().strip('{}"n:')) % 100 == 19  # somebody's last word
