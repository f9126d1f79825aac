"""Steps of the stateful test of limits, tenants and groups: jobs, workers, operators."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from hypothesis import strategies as st

from taskq_core import JobOptions, NewJob, Priority, TaskLimits
from taskq_core.claimed import Job
from taskq_core.commands import grouping, operate, tenancy, work
from tests.chaos.crowded import Seen, Told, look
from tests.chaos.recount import Saved
from tests.chaos.steps import Data, Steps
from tests.scripts import gating
from tests.scripts.grouping import concluding, opened
from tests.scripts.rig import LONG_MS

SOON_MS = 20
"""A claim may say that there is more: at once, or in so many ms."""
FREE = "free"
"""The task that no limit holds."""
TASKS = ("a", "b", FREE)
TENANTS = ("", "", "x", "y", "z")
LEVELS = (Priority.HIGH, Priority.NORMAL)
WANTS = (1, 1, 2, 3, 12)


class CrowdSteps(Steps):
    """One queue and its workers; one that dies is followed by one with another name."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Told()
        self.saved: deque[tuple[Saved, Told]] = deque(maxlen=6)
        self.skipped: Counter[tuple[str, str]] = Counter()
        """Jobs of others that began since a tenant could have had its turn, by level and tenant."""
        self.most: Counter[tuple[str, str]] = Counter()
        """The largest claim since then."""
        self.dead: set[str] = set()
        self.hired = 0
        self.may_go: set[str] = set()
        self.may_come = 0
        self.late = False
        """Whether this step reports runs that the server may know nothing of."""

    # -- jobs come, run and end -----------------------------------------------------------------

    def enqueue(self, data: Data) -> None:
        draw = data.draw
        group, links = draw(st.sampled_from(["", "", *self.told.open])), draw(st.sampled_from([0, 0, 0, 1]))
        options = JobOptions(
            priority=draw(st.sampled_from(LEVELS)), tenant=draw(st.sampled_from(TENANTS)) or None,
            concurrency_key=draw(st.sampled_from(["", "", "", "k", "l"])) or None, group=group or None,
            then=[NewJob(FREE, {})] * links,
        )  # fmt: skip
        jobs = [NewJob(draw(st.sampled_from(TASKS)), {}, options)] * draw(st.integers(1, 6))
        self.last = None
        self.may_come = len(self.rig.client.enqueue_jobs("q", jobs))
        if group:
            self.told.members[group] += self.may_come

    def claim(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.workers()))
        want = data.draw(st.sampled_from(WANTS))
        lost = data.draw(st.sampled_from([False, False, False, True]))
        jobs = self._claim(worker, want)
        if not lost:
            self.held[worker].update({job.id: job for job in jobs})

    def _claim(self, worker: str, want: int) -> list[Job]:
        wanted, jobs, again = work.Wanted(want, suspect=10_000, alone=True), list[Job](), 0
        for _ in range(20):
            if again > SOON_MS or again < 0 or len(jobs) >= want:
                break
            before = look(self.rig.raw, self.rig.keys)
            found = self.once(work.claim(self.rig.keys, worker, wanted, flow=True))
            if found.state == "plain":
                found = self.once(work.claim(self.rig.keys, worker, wanted))
            assert found.state == "ok"
            got = self.rig.jobs(found)
            self._count_turns(before, got, want)
            jobs, again = jobs + got, found.again
        if len(jobs) < want:
            left = [seen for seen in look(self.rig.raw, self.rig.keys).values() if seen.waits]
            could = [seen for seen in left if self.has_room(seen)]
            assert not could, f"{len(jobs)} of {want} came, and these might run: {could}; {self._standing()}"
        return jobs

    def _standing(self) -> dict[str, object]:
        """The round and what is known of limits, for whoever reads what went wrong."""
        root = self.rig.keys.root
        kept = self.rig.dump()
        names = ("ring", "ring:h", "ring:n", "ring:opens", "tenants:set", "meta", "opens", "running")
        return {name: kept.get(root + name) for name in names} | {"told": self.told.limits}

    def _count_turns(self, before: dict[str, Seen], got: list[Job], want: int) -> None:
        """Who waited while others of the level began, and was held by nothing, may not wait for long."""
        if not got:
            return
        after = look(self.rig.raw, self.rig.keys)
        for level in "hn":
            began = [before[job.id].tenant for job in got if before[job.id].level == level]
            able = {seen.tenant for seen in after.values() if seen.level == level and self._ungated(seen)}
            round_ = sum(self.told.weights.get(name, 1) for name in set(TENANTS))
            for tenant in set(TENANTS):
                if tenant in began or tenant not in able:
                    self.skipped[level, tenant] = self.most[level, tenant] = 0
                    continue
                self.skipped[level, tenant] += len(began)
                self.most[level, tenant] = max(self.most[level, tenant], want)
                bound = 2 * round_ + self.most[level, tenant]
                assert self.skipped[level, tenant] <= bound, f"{tenant!r} has no turn"

    def _ungated(self, seen: Seen) -> bool:
        told = self.told
        bound = "@" + seen.tenant in told.limits or seen.tenant in told.paused
        return seen.waits and seen.task == FREE and not seen.key and not bound

    def has_room(self, seen: Seen) -> bool:
        """Whether nothing holds a job that waits."""
        if seen.tenant in self.told.paused:
            return False
        counts = self.counts()
        return all(counts[gate] < self.told.most(gate) for gate in seen.gates)

    def counts(self) -> Counter[str]:
        """How many run under each limit; of tasks those that were counted when they began."""
        found = Counter(gating.recount(self.rig))
        for seen in look(self.rig.raw, self.rig.keys).values():
            if seen.runs:
                found.update(["queue", "@" + seen.tenant])
        return found

    def end(self, data: Data) -> None:
        busy = [worker for worker in self.workers() if self.held[worker]]
        if not busy:
            return
        worker = data.draw(st.sampled_from(busy))
        how = data.draw(st.sampled_from(["ack", "ack", "ack", "fail", "bury", "release"]))
        jobs = [self.held[worker][job_id] for job_id in sorted(self.held[worker])]
        jobs = jobs[: data.draw(st.integers(1, 6))]
        for job in jobs:
            del self.held[worker][job.id]
        if how == "release":
            self._call(work.release(self.rig.keys, worker, jobs), {job.id for job in jobs}, moves=True)
        elif how == "ack":
            self.finish(worker, jobs)
        else:
            retries = 1_000 if how == "fail" else 0
            self._call(self.rig.failing(worker, *jobs, retries=retries), {job.id for job in jobs}, moves=True)

    def finish(self, worker: str, jobs: list[Job]) -> None:
        """Jobs are done: those from which something follows in a call of their own."""
        for chosen in (True, False):
            some = [job for job in jobs if bool(job.meta.group or job.meta.next) is chosen]
            if not some:
                continue
            before = look(self.rig.raw, self.rig.keys)
            command = concluding(self.rig, worker, *some) if chosen else self.rig.acking(worker, *some)
            self._call(command, {job.id for job in some})
            gone = before.keys() - look(self.rig.raw, self.rig.keys).keys()
            ended = [job for job in some if job.id in gone]
            self.may_go |= gone
            self.may_come += sum(bool(job.meta.next) for job in ended)
            self.told.concluded.update(
                job.meta.group for job in ended if job.meta.group and not job.meta.next
            )

    def _call(self, command: Any, ids: set[str], *, moves: bool = False) -> None:
        """A worker's report: as many count as the server has, which is all but for those that it forgot."""
        before = look(self.rig.raw, self.rig.keys)
        n, after = self.call(command), look(self.rig.raw, self.rig.keys)
        sure = ids - self.told.stale
        self.late = self.late or sure != ids
        changed = {job_id for job_id in ids if before.get(job_id) != after.get(job_id)}
        gone = {job_id for job_id in ids if job_id in before and job_id not in after}
        assert sure <= (changed if moves else gone), "a report was not taken"
        assert n == len(changed if moves else gone)

    # -- groups ---------------------------------------------------------------------------------

    def _open(self) -> None:
        name = f"g{len(self.told.groups)}"
        opened(self.rig, name)
        self.told.groups.append(name)
        self.told.open.append(name)

    def seal(self, data: Data) -> None:
        """A group takes no more members, and another one is opened."""
        group = data.draw(st.sampled_from(self.told.open))
        assert self.call(grouping.seal_group(self.rig.keys, group)) in ("sealed", "finished")
        self.told.open.remove(group)
        self._open()

    # -- workers die, operators step in ---------------------------------------------------------

    def _hire(self) -> None:
        self.hired += 1
        name = f"w{self.hired}"
        assert self.once(work.register(self.rig.keys, name, LONG_MS, {"host": "h"})) > 0
        self.held[name] = {}

    def workers(self) -> list[str]:
        """Those that have a lease."""
        return sorted(name for name in self.held if name not in self.dead)

    def kill(self, data: Data) -> None:
        self.last = None
        worker = data.draw(st.sampled_from(self.workers()))
        self.rig.take_over(worker, crashes=10_000)
        self.dead.add(worker)
        self._hire()

    def cancel(self, data: Data) -> None:
        ids = sorted(seen.id for seen in self.told.jobs.values() if seen.waits or seen.owner == "scheduled")
        self.may_go = set(ids[data.draw(st.integers(0, 3)) :][:3])
        if self.may_go:
            rows = self.call(operate.cancel(self.rig.keys, sorted(self.may_go)))
            assert all(row.change.done for row in rows)

    def retry(self, data: Data) -> None:
        ids = sorted(seen.id for seen in self.told.jobs.values() if seen.owner == "dead")
        if ids:
            self.call(operate.retry(self.rig.keys, ids[:3]))
            self.skipped.clear()

    def purge(self, data: Data) -> None:
        self.last = None
        tenant = data.draw(st.sampled_from(["x", "y", "z"]))
        waiting = {seen.id for seen in self.told.jobs.values() if seen.tenant == tenant}
        self.may_go = {job_id for job_id in waiting if not self.told.jobs[job_id].runs}
        self.rig.client.tenants.purge("q", tenant)

    def promote(self, data: Data) -> None:
        self.last = None
        self.promote_all()
        self.skipped.clear()

    def promote_all(self) -> None:
        """Makes due and ready what waits for a time."""
        found = look(self.rig.raw, self.rig.keys).values()
        self.rig.make_due(*[seen.id for seen in found if seen.owner == "scheduled"])
        while self.rig.promote()[0]:
            pass

    def limit(self, data: Data) -> None:
        of = data.draw(st.sampled_from(["queue", "key", "t:a", "t:b"]))
        most = data.draw(st.sampled_from([0, 1, 3]))
        self.last = None
        self._limit(of, 3 * most if of == "queue" else most)

    def _limit(self, of: str, most: int) -> None:
        self.told.limits[of] = most
        if of.startswith("t:"):
            self.rig.client.configure("q", tasks={of[2:]: TaskLimits(max_running=most)})
        else:
            names = {"queue": "max_running", "key": "key_max_running"}
            self.rig.client.configure("q", **{names[of]: most})  # type: ignore[arg-type]

    def of_tenant(self, data: Data) -> None:
        tenant = data.draw(st.sampled_from(["x", "y", "z"]))
        what = data.draw(st.sampled_from(["weight", "most", "pause"]))
        n = data.draw(st.integers(1, 3))
        told, name = self.told, "@" + tenant
        if what == "weight":
            told.weights[tenant] = n
            changes: dict[str, Any] = {"weight": n}
        elif what == "most":
            lifted = told.limits.pop(name, None) is not None
            changes = {"max_running": None if lifted else n}
            told.limits |= {} if lifted else {name: n}
        else:
            told.paused ^= {tenant}
            changes = {"paused": True if tenant in told.paused else None}
        self.skipped.clear()
        self.call(tenancy.set_tenant(self.rig.keys, tenant, changes))
