"""Turns of tenants under any steps: nobody starves, no worker asks in vain, no limit is passed.

What is kept equals a recount after each step, crashes included.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from taskq_core import Priority
from taskq_core.claimed import Job
from taskq_core.commands import work
from tests.scripts.crowd import recount, take
from tests.scripts.rig import Rig
from tests.servers import Server

NAMES = st.sampled_from(["", "a", "b", "c", "d"])
TENANTS = st.sampled_from(["a", "b", "c", "d"])
LEVELS = st.sampled_from([Priority.HIGH, Priority.NORMAL])


class Turns(RuleBasedStateMachine):
    """A queue with four tenants, some jobs without one, and two workers."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.server.raw.flushall()
        self.rig = Rig(self.server, 3)
        self.held: dict[str, list[Job]] = {}
        self.workers = 0
        self.weights = dict.fromkeys(["", "a", "b", "c", "d"], 1)
        self.limits: dict[str, int] = {}
        self.paused: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self._hire()
        self._hire()
        for name in ("a", "b"):
            self.rig.add(4, tenant=name)
        self.configure("b", 1, 3)

    def _hire(self) -> None:
        self.workers += 1
        self.held[self.rig.hire(f"w{self.workers}")] = []

    def teardown(self) -> None:
        self.rig.client.close()

    @rule(name=NAMES, count=st.integers(1, 12), priority=LEVELS)
    def add(self, name: str, count: int, priority: Priority) -> None:
        self.rig.add(count, tenant=name or None, priority=priority)

    @rule(name=TENANTS, weight=st.integers(1, 4), most=st.sampled_from([None, 1, 3]))
    def configure(self, name: str, weight: int, most: int | None) -> None:
        self.rig.client.tenants.set("q", name, weight=weight, max_running=most)
        self.weights[name] = weight
        self.limits.pop(name, None)
        if most is not None:
            self.limits[name] = most

    @rule(name=TENANTS)
    def pause_or_resume(self, name: str) -> None:
        self.rig.client.tenants.set("q", name, paused=None if name in self.paused else True)
        self.paused ^= {name}

    @rule(at=st.integers(0, 1), want=st.integers(1, 20))
    def claim(self, at: int, want: int) -> None:
        before = self._free()
        worker = list(self.held)[at]
        jobs = take(self.rig, worker, want)
        self.held[worker] += jobs
        # work is conserved: a worker gets as much as it asks for, while there is something that may run
        assert len(jobs) == min(want, before)
        running = self._running()
        for name in {job.tenant or "" for job in jobs} & self.limits.keys():
            assert running[name] <= self.limits[name]

    def _free(self) -> int:
        """Jobs that may start now."""
        free = 0
        running = self._running()
        for name in self.weights:
            ready = (
                sum(
                    self.rig.raw.xlen(f"{self.rig.keys.root}{level}{'@' + name if name else ''}")
                    for level in "chnl"
                )
                - running[name]
            )
            if name in self.paused:
                continue
            free += min(ready, max(0, self.limits.get(name, ready + running[name]) - running[name]))
        return free

    def _running(self) -> Counter[str]:
        return Counter(job.tenant or "" for jobs in self.held.values() for job in jobs)

    @precondition(lambda self: any(self.held.values()))
    @rule(at=st.integers(0, 1), share=st.integers(1, 10), fate=st.sampled_from(["ack", "fail", "release"]))
    def end(self, at: int, share: int, fate: str) -> None:
        busy = [worker for worker, jobs in self.held.items() if jobs]
        worker = busy[at % len(busy)]
        jobs, self.held[worker] = self.held[worker][:share], self.held[worker][share:]
        if fate == "ack":
            assert self.rig.ack(worker, *jobs) == len(jobs)
        elif fate == "release":
            self.rig.run(work.release(self.rig.keys, worker, jobs))
        else:
            self.rig.run(self.rig.failing(worker, *jobs, retries=100, delay_ms=60_000))
            self.rig.make_due(*(job.id for job in jobs))
            self.rig.promote()

    @rule(at=st.integers(0, 1))
    def crash(self, at: int) -> None:
        worker = list(self.held)[at]
        self.rig.take_over(worker, crashes=100)
        del self.held[worker]
        self._hire()

    @rule(name=TENANTS)
    def purge(self, name: str) -> None:
        self.rig.client.tenants.purge("q", name)

    @precondition(lambda self: not self.paused and not self.limits)
    @rule()
    def nobody_starves(self) -> None:
        """Each tenant with jobs at the highest level is served within a round."""
        worker = next(iter(self.held))
        for level in "hn":
            waiting = {name for name in self.weights if self._waits(level, name)}
            if waiting:
                got = [
                    job.tenant or ""
                    for _ in range(sum(self.weights[n] for n in waiting) + 3)
                    for job in self._one(worker, level)
                ]
                assert waiting <= set(got) | {name for name in waiting if not self._waits(level, name)}
                return

    def _waits(self, level: str, name: str) -> bool:
        stream = level + ("@" + name if name else "")
        running = sum(job.stream == stream for jobs in self.held.values() for job in jobs)
        return bool(self.rig.raw.xlen(self.rig.keys.root + stream) - running)

    def _one(self, worker: str, level: str) -> list[Job]:
        jobs = take(self.rig, worker, 1, level)
        self.held[worker] += jobs
        return jobs

    @invariant()
    def all_adds_up(self) -> None:
        recount(self.rig)
        running = self._running()
        seen = self.rig.client.snapshot("q")
        assert seen.running == sum(running.values())


def test_any_steps_keep_turns_fair_and_counts_right(server: Server) -> None:
    machine = type("TurnsHere", (Turns,), {"server": server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
