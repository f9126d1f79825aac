"""How many jobs start before a job, and when it is its turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from taskq_cli.why.facts import Cause, JobFacts, in_time, many
from taskq_core import Priority


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs that start before it. ``own``: those of its tenant, or of no tenant as itself, in its level.

    ``others``: of other tenants of the level that have their turns before, of ``rivals`` of them: no more
    than an estimate. ``higher``: those of higher levels. ``more``: there are more than was counted.
    """

    level: Priority
    own: int
    others: int
    rivals: int
    higher: int
    more: bool

    @property
    def ahead(self) -> int:
        """All of them."""
        return self.own + self.others + self.higher

    @property
    def count(self) -> str:
        """`12 jobs`, `more than 12 jobs` or `about 12 jobs`."""
        about = "about " if self.others else ""
        return f"{'more than ' if self.more else about}{many(self.ahead, 'job')}"

    def turns(self, tenant: str | None) -> str:
        """Where tenants take turns: how the jobs ahead share out; else empty."""
        if not self.others:
            return ""
        own = f"{self.own:,} of {'no tenant' if tenant is None else f'its tenant {tenant}'}"
        rivals = f"{many(self.rivals, 'other')} that {'takes' if self.rivals == 1 else 'take'} turns with it"
        return f" ({own}, the rest of {rivals})"


def line_of(facts: JobFacts) -> Line:
    """The line that a ready job stands in."""
    place, snapshot = facts.place, facts.queue.snapshot
    own, more = (place.ahead, place.more) if place is not None else (0, False)
    level = place.priority if place is not None else facts.job.priority
    others, rivals = _turns(facts, level, own)
    higher = sum(
        max(0, count - sum(tenant.ready.get(other, 0) for tenant in facts.crowd if tenant.limits.paused))
        for other, count in snapshot.ready.items()
        if _rank(other) < _rank(level)
    )
    return Line(level, own, others, rivals, higher, more)


def _turns(facts: JobFacts, level: Priority, own: int) -> tuple[int, int]:
    """Jobs of others that have their turn before it, and whose they are.

    In each round a tenant gets as many jobs started as its weight is; who has fewer passes the rest on.
    """
    if not facts.crowd:
        return 0, 0
    name = facts.job.ref.tenant
    weight = facts.tenant.limits.weight if facts.tenant is not None else 1
    rounds = own // weight + 1
    ready = [(each, each.ready.get(level, 0)) for each in facts.crowd]
    before = [
        min(count, rounds * each.limits.weight)
        for each, count in ready
        if count and each.name != name and not each.limits.paused
    ]
    # the jobs without a tenant are one more member of the round; some tenants may not have been looked at
    unseen = max(0, facts.queue.snapshot.tenants - len(facts.crowd))
    rest = facts.queue.snapshot.ready.get(level, 0) - sum(count for _, count in ready)
    members = unseen + (name is not None)
    if rest > 0 and members:
        before.append(min(rest, rounds * members))
    return sum(before), len(before)


def _rank(level: str) -> int:
    return "chnl".index(level[0])


def in_line(facts: JobFacts) -> Cause:
    """What a job waits for that nothing holds."""
    queue, line = facts.queue, line_of(facts)
    ahead, eta = line.ahead, _eta(facts, line)
    fields = {
        "ahead": ahead, "ahead_is_least": line.more, "ahead_is_estimate": line.others > 0, "eta_s": eta,
    }  # fmt: skip
    are, turns = f"{line.count} {'is' if ahead == 1 else 'are'} ahead", line.turns(facts.job.ref.tenant)
    if line.higher > line.own + line.others:
        return Cause(
            "behind_higher_levels",
            f"{are}, {line.higher:,} of them of higher levels than {line.level}{in_time(eta)}.",
            "Give it more workers, or enqueue such jobs with -p high",
            fields,
        )
    if queue.busy:
        slots = f"all {queue.slots} slots of {many(len(queue.able), 'worker')} are busy"
        text = f"{are}{turns}{in_time(eta)}" if ahead else "It is the next one"
        return Cause("slots_busy", f"{text}; {slots}.", "More workers, or more slots (-c)", fields)
    if ahead:
        return Cause("behind_others", f"{are}{turns}{in_time(eta)}; there are free slots.", "", fields)
    return Cause(
        "next", "It is the next one, and there are free slots: it starts within a second.", "", fields
    )


def _eta(facts: JobFacts, line: Line) -> float | None:
    """Seconds until its turn, at the queue's present rate, no sooner than its tenant's rate lets it."""
    eta = facts.queue.eta(line.ahead)
    rate = facts.tenant.limits.rate if facts.tenant is not None else None
    return eta if eta is None or rate is None else max(eta, round(line.own / rate.per_s, 1))
