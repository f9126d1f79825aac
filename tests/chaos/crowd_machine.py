"""Limits, tenants, groups and chains in any order of calls, and under the faults of the stateful test.

After every step:

1. Every job is in exactly one place; those are gone that the step may end, callbacks and links came.
2. No limit is passed, of queue, task, key or tenant. Under one that was set lower no more run than before.
3. What is counted of limits, turns and groups is what a recount gives; `tidy` finds nothing to mend.
4. Work is conserved: a claim that got less than it wanted left nothing that might run.
5. Nobody starves: a tenant with a job that no limit holds has its turn within a bounded number of others.
6. A group has one callback at most, and has it once all its members are done.
"""

from __future__ import annotations

import sys
from collections import Counter
from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from taskq_core import GroupRef
from taskq_core.commands import limiting, work
from tests.chaos.crowd_steps import FREE, CrowdSteps
from tests.chaos.crowded import Seen, look
from tests.chaos.recount import restore, save
from tests.chaos.steps import Data, Steps
from tests.scripts import crowd, gating
from tests.scripts.grouping import concluding, info

WEIGHTS = {
    "enqueue": 8, "claim": 9, "end": 8, "kill": 2, "cancel": 2, "retry": 1, "purge": 1, "promote": 2,
    "limit": 3, "seal": 3, "of_tenant": 3, "repeat": 2, "flush": 1, "zombie": 2, "fail_over": 3,
}  # fmt: skip
PLAN = [name for name, weight in WEIGHTS.items() for _ in range(weight)]


class CrowdMachine(CrowdSteps):
    """Steps, faults, invariants."""

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self._open()
            self._hire()
        self._limit("t:a", 2)
        self.rig.client.tenants.set("q", "x", max_running=2)
        self.told.limits["@x"] = 2
        for tenant in ("x", "x", "y", "z", None):
            for task in (FREE, "a", FREE):
                self.rig.add(2, task, tenant=tenant)
        self.may_come = 30

    @rule(data=st.data(), what=st.sampled_from(PLAN))
    def step(self, data: Data, what: str) -> None:
        """One of all steps."""
        self.may_go, self.may_come, self.late = set(), 0, False
        getattr(self, what)(data)

    # -- faults ---------------------------------------------------------------------------------

    def repeat(self, data: Data) -> None:
        """The last call arrives once more."""
        if self.last is not None:
            before = self.rig.dump()
            self.rig.run(self.last)
            assert self.rig.dump() == before, f"{self.last.script.name}, late and again, changed something"

    def flush(self, data: Data) -> None:
        """The server forgets all scripts."""
        self.rig.raw.script_flush()

    def zombie(self, data: Data) -> None:
        """A worker that lost its lease reports what it did."""
        zombies = sorted(name for name in self.dead if self.held[name])
        if not zombies:
            return
        worker = data.draw(st.sampled_from(zombies))
        jobs, before = list(self.held[worker].values()), self.rig.dump()
        assert self.rig.run(self.rig.acking(worker, *jobs)) == -1
        assert self.rig.run(concluding(self.rig, worker, *jobs)) == -1
        assert self.rig.run(self.rig.failing(worker, *jobs)) == -1
        assert self.rig.run(work.release(self.rig.keys, worker, jobs)) == -1
        assert self.rig.run(work.claim(self.rig.keys, worker, work.Wanted(5), flow=True)).state == "lost"
        assert self.rig.dump() == before

    def fail_over(self, data: Data) -> None:
        """The server is as it was some steps ago; workers report what they did meanwhile."""
        saved, told = self.saved[max(0, len(self.saved) - data.draw(st.integers(2, 6)))]
        restore(self.rig.raw, saved)
        self.told, self.last = deepcopy(told), None
        self.saved.clear()
        self.skipped.clear()
        leases = {name.decode() for name in self.rig.raw.zrange(self.rig.keys.leases, 0, -1)}
        self.dead = self.held.keys() - leases
        for name in leases - self.held.keys():
            self.held[name] = {}
        self.told.stale = {job_id for jobs in self.held.values() for job_id in jobs}
        self.may_go, self.may_come = set(), 0

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def jobs_are_where_they_should_be(self) -> None:
        Steps.taken += 1
        now, before = look(self.rig.raw, self.rig.keys), self.told.jobs
        gone, come = before.keys() - now.keys(), now.keys() - before.keys()
        assert gone <= self.may_go, f"lost: {gone - self.may_go}"
        calls = {job_id: now[job_id].meta["C"] for job_id in come if "C" in now[job_id].meta}
        assert len(come) - len(calls) == self.may_come
        for job_id, group in calls.items():
            assert group not in self.told.callbacks, f"{group} has a second callback"
            self.told.callbacks[group] = job_id
        self._limits_hold(before, now)
        self.told.jobs = now

    def _limits_hold(self, before: dict[str, Seen], now: dict[str, Seen]) -> None:
        counts = self.counts()
        were = Counter(gate for seen in before.values() if seen.runs for gate in seen.gates)
        for gate in counts:
            most = self.told.most(gate)
            assert counts[gate] <= max(most, were[gate]), f"{gate}: {counts[gate]} run, {most} may"
        keys = Counter("k:" + seen.key for seen in now.values() if seen.runs and seen.key)
        assert keys == Counter({gate: n for gate, n in counts.items() if gate[:2] == "k:"})

    @invariant()
    def what_is_counted_is_a_recount(self) -> None:
        assert gating.running(self.rig) == gating.recount(self.rig)
        crowd.recount(self.rig)
        found = Counter(
            (seen.meta["G"], seen.owner == "dead") for seen in self.told.jobs.values() if "G" in seen.meta
        )
        told = self.told
        for group in told.groups:
            said = info(self.rig, group)
            assert (said.pending, said.dead) == (found[group, False], found[group, True]), group
            assert (said.total, said.done) == (told.members[group], told.concluded[group]), group
            whole = group not in told.open and said.done == said.total
            assert (said.job is not None) is (group in told.callbacks) is whole, group
        self.saved.append((save(self.rig.raw), deepcopy(self.told)))

    @invariant()
    def there_is_nothing_to_mend(self) -> None:
        freed, mended, lost, *_ = self.rig.run(limiting.tidy(self.rig.keys))
        # the end of a run that a failover lost may find its job given back, and counts it as one that ran
        assert (freed, mended if not self.late else 0, lost) == (0, 0, 0), f"{mended} counts were wrong"

    # -- the end --------------------------------------------------------------------------------

    def teardown(self) -> None:
        """All becomes quiet: every job is brought to its end, and each group to its own."""
        try:
            if sys.exc_info()[0] is None and self.hired:
                self._settle()
        finally:
            super().teardown()

    def _settle(self) -> None:
        for of in ("queue", "key", "t:a", "t:b"):
            self._limit(of, 0)
        for tenant in ("x", "y", "z"):
            self.rig.client.tenants.set("q", tenant, weight=None, max_running=None, paused=None)
        self.told.paused, self.told.limits, self.told.weights = set(), {}, {}
        self.skipped.clear()
        for worker in self.workers():
            self.rig.take_over(worker, crashes=10_000)
            self.dead.add(worker)
        self._hire()
        for group in self.told.open:
            self.rig.client.groups.seal(GroupRef("q", group))
        self._work_off()
        for group in self.told.groups:
            said = info(self.rig, group)
            assert (said.job is not None) is (said.done == said.total), f"{group}: {said}"
        assert {seen.owner for seen in look(self.rig.raw, self.rig.keys).values()} <= {"dead"}
        assert gating.running(self.rig) == {} == gating.recount(self.rig)
        assert gating.held(self.rig) == 0
        crowd.recount(self.rig)

    def _work_off(self) -> None:
        (worker,) = self.workers()
        for _ in range(100):
            self.promote_all()
            jobs = self._claim(worker, 100)
            if not jobs:
                return
            self.finish(worker, jobs)
        raise AssertionError("it does not come to an end")
