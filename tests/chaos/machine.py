"""The whole stateful machine: faults beside the steps, and what has to hold after each one.

After every step:

1. A job is in exactly one place, the one where the model has it; no other job is there.
2. What runs is pending, once, in the name of its worker; what is pending runs or was given back.
3. Every counter is what a recount of the model gives.
4. The attempts of a job never go back: a run has the number that follows (checked at claim, adopt, fail).
5. The end of a run is taken at most once (checked where it is taken).
6. No key is without an owner or an end; no index names what is not there.
7. A unique key belongs to the job that the model says, and no two live jobs were let in under one.
8. First attempts of a level begin in the order of their enqueueing (checked at claim).
9. Outcomes are kept of just those jobs that asked for it and ended.
10. Workers have a lease, are revoked, or are unknown, as the model says; and an operator's snapshot agrees.

Where calls are made: a repeated call changes nothing and says the same; a refused one changes nothing;
a worker without a lease changes nothing. At the end, when all is quiet, every job can be brought to its end.
"""

from __future__ import annotations

import sys
from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from taskq_core import State
from taskq_core.claimed import Job
from taskq_core.commands import operate, work
from tests.chaos.model import LIVE
from tests.chaos.recount import recount, restore, save
from tests.chaos.steps import Data, Steps
from tests.chaos.steps_operating import counted
from tests.chaos.steps_working import Working
from tests.scripts.rig import LONG_MS

WORKERS = 3
WEIGHTS = {
    "enqueue": 8, "import_jobs": 1, "hire": 2, "claim": 8, "ack": 5, "fail": 3, "release": 2, "adopt": 3,
    "beat": 1, "stop": 1, "fall_silent": 2, "take_over": 3, "evict": 1, "time_passes": 2, "promote": 2,
    "cancel": 2, "retry": 2, "bury": 1, "delete": 1, "purge": 1, "pause": 1, "drain": 1, "resume": 3,
    "set_limits": 1, "repeat": 2, "flush": 1, "zombie": 2, "fail_over": 3,
}  # fmt: skip
PLAN = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
INSTEAD = dict.fromkeys(WEIGHTS, "claim") | {"claim": "hire", "hire": "enqueue", "adopt": "hire"}
"""What is done in the place of a step that cannot be done."""
LISTED = (State.READY, State.RUNNING, State.SCHEDULED, State.DEAD)


class Machine(Working):
    """Steps, faults, invariants."""

    @rule(data=st.data(), what=st.sampled_from(PLAN))
    def step(self, data: Data, what: str) -> None:
        """One of all steps. Not a rule each: how often they come is what makes a run worth while."""
        while not self._possible(what):
            what = INSTEAD[what]
        getattr(self, what)(data)

    def _possible(self, what: str) -> bool:
        if what == "hire":
            return len(self.model.live) < WORKERS
        needs = {
            **dict.fromkeys(("ack", "fail", "release"), self.busy),
            **dict.fromkeys(("claim", "adopt", "beat", "stop", "fall_silent", "evict"), self.alive),
            **dict.fromkeys(("cancel", "retry", "bury", "delete"), lambda: self.model.jobs),
            "time_passes": self.delayed,
            "take_over": lambda: self.model.revoked,
            "repeat": lambda: self.last,
            "zombie": self.zombies,
        }
        return what not in needs or bool(needs[what]())

    # -- faults ---------------------------------------------------------------------------------

    def repeat(self, data: Data) -> None:
        """The last call arrives once more."""
        assert self.last is not None
        before = self.rig.dump()
        self.rig.run(self.last)
        assert self.rig.dump() == before, f"{self.last.script.name}, late and again, changed something"

    def flush(self, data: Data) -> None:
        """The server forgets all scripts."""
        self.rig.raw.script_flush()

    def zombie(self, data: Data) -> None:
        """A worker that lost its lease does what it can."""
        worker = data.draw(st.sampled_from(self.zombies()))
        jobs = list(self.held[worker].values())
        before = self.rig.dump()
        assert self.rig.run(self.acking(worker, jobs)) == -1
        assert self.rig.run(self.rig.failing(worker, *jobs)) == -1
        assert self.rig.run(self.rig.failing(worker, *jobs, retries=1_000)) == -1
        assert self.rig.run(work.release(self.rig.keys, worker, jobs)) == -1
        assert (
            self.rig.run(work.adopt(self.rig.keys, worker, [(job.stream, job.entry) for job in jobs])) == []
        )
        assert self.rig.run(work.claim(self.rig.keys, worker, work.Wanted(5))).state == "lost"
        assert self.rig.run(work.heartbeat(self.rig.keys, worker, LONG_MS, {"host": "h"})) == -1
        assert self.rig.dump() == before

    def zombies(self) -> list[str]:
        """Workers that believe to run something and have no lease."""
        return sorted(name for name, jobs in self.held.items() if jobs and name not in self.model.live)

    def fail_over(self, data: Data) -> None:
        """The server is as it was some steps ago; what workers believe stays."""
        steps = data.draw(st.integers(2, 6))
        saved, model = self.past[max(0, len(self.past) - steps)]
        restore(self.rig.raw, saved)
        self.model, self.last = deepcopy(model), None
        self.past.clear()

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def all_is_where_it_should_be(self) -> None:
        Steps.taken += 1
        self.past.append((save(self.rig.raw), deepcopy(self.model)))
        seen = self.seen = recount(self.rig.raw, self.rig.keys)
        places = {
            job_id: [(known.state, known.worker)]
            for job_id, known in self.model.jobs.items()
            if known.state in LISTED
        }
        assert seen.places == places
        assert seen.ghosts == []
        given_back = [
            known for known in self.model.jobs.values() if known.state is State.READY and known.deliveries
        ]
        orphans = seen.pending - self.model.count(State.RUNNING)
        assert orphans >= len(given_back)
        assert seen.totals == counted(self.model.totals)
        assert seen.endless == []
        assert seen.locks == self.model.locks
        assert seen.results == self.model.results
        assert (seen.live, seen.revoked) == (self.model.live, self.model.revoked)

    @invariant()
    def an_operator_is_told_the_same(self) -> None:
        snapshot = self.rig.client.snapshot("q")
        told = snapshot.ready_total, snapshot.running, snapshot.scheduled, snapshot.dead
        assert told == tuple(map(self.model.count, LISTED))
        assert {worker.id for worker in self.rig.client.workers("q")} == self.model.live

    # -- the end --------------------------------------------------------------------------------

    def teardown(self) -> None:
        """All becomes quiet: every job is brought to its end, and nothing is left over."""
        try:
            if sys.exc_info()[0] is None:  # else the run has failed already
                self._settle()
        finally:
            super().teardown()

    def _settle(self) -> None:
        for worker in [*self.alive(), *sorted(self.model.revoked)]:
            if worker in self.model.live:
                self.reclaim(worker, self.rig.expire(worker))
            while worker in self.model.revoked:
                self.reclaim(worker, "")
        self.reopen()
        self.make_due(self.delayed())
        self.promote_all(100)
        self.model.live.add("last")
        self.held["last"] = {}
        self.rig.hire("last")
        while jobs := self._claim_some():
            assert self.once(self.acking(self.alive()[0], jobs)) == len(jobs)
            self.acked(self.alive()[0], jobs)
        assert self.model.count(*LIVE) == 0
        while self.once(operate.purge(self.rig.keys, State.DEAD, None, 100)):
            pass
        assert recount(self.rig.raw, self.rig.keys).places == {}

    def _claim_some(self) -> list[Job]:
        (worker,) = self.alive()
        jobs = self.rig.jobs(self.once(work.claim(self.rig.keys, worker, work.Wanted(100, alone=True))))
        for job in jobs:
            self.model.hand_out(job.id, worker, (job.stream, job.entry))
            self.held[worker][job.id] = job
        self.seen = recount(self.rig.raw, self.rig.keys)
        return jobs
