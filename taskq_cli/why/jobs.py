"""Why a job stands where it stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from taskq_cli.jsontext import rfc3339
from taskq_cli.why.facts import Cause, JobFacts, about, ago, many
from taskq_cli.why.groups import waits_for_it
from taskq_cli.why.limits import held_by
from taskq_cli.why.line import in_line
from taskq_cli.why.queues import blockers, unknown_task
from taskq_core import Holder, JobDetail, State, WorkerInfo, stalled

SUSPECT: Final = 2
"""Workers that a job took down with it before it is run alone, unless workers were told otherwise."""


def job_causes(facts: JobFacts) -> list[Cause]:
    """The reasons, the one that decides first. Never empty."""
    return [*_BY_STATE[facts.job.state](facts), *_held_key(facts)]


# -- waiting ----------------------------------------------------------------------------------


def _ready(facts: JobFacts) -> Iterator[Cause]:
    place, queue = facts.place, facts.queue
    yield from blockers(queue)
    if cause := unknown_task(queue, facts.job.task):
        yield cause
    held = [*_tenant(facts), *held_by(facts)]
    yield from held
    crashes = place.deliveries if place is not None and place.given_back else 0
    if crashes >= SUSPECT:
        yield Cause(
            "suspect",
            f"{crashes} workers died while they ran it: it is run alone, once a worker holds nothing else.",
            "If it dies again it is buried; see its payload with taskq inspect",
        )
    if queue.able and not held:
        yield in_line(facts)
    if place is not None and place.given_back and crashes < SUSPECT and not held:
        why = "died while it ran it" if crashes else "stopped before it was done"
        yield Cause("given_back", f"A worker {why}: it goes first in its level.")


def _tenant(facts: JobFacts) -> Iterator[Cause]:
    """Whether its tenant is left out of the round."""
    found = facts.tenant
    if found is None:
        return
    hold = next((hold for hold in facts.queue.tenants.worst if hold.name == found.name), None)
    ahead = facts.place.ahead if facts.place is not None else 0
    before = (
        f"; {many(ahead, 'job')} of the tenant {'is' if ahead == 1 else 'are'} before it" if ahead else ""
    )
    if found.limits.paused:
        yield Cause(
            "tenant_paused",
            f"Its tenant {found.name} is paused: none of the tenant's jobs starts{before}.",
            f"taskq tenant resume {found.queue} {found.name}",
            {"ahead": ahead},
        )
    elif found.state == "limited" or (hold is not None and hold.held >= hold.ready):
        reason = hold.reason if hold is not None else f"{many(found.running, 'job')} running"
        yield Cause(
            "tenant_limited",
            f"Its tenant {found.name} is at a limit of its own, {reason}{before}.",
            f"Raise it: taskq tenant set {found.queue} {found.name} --max-running N, or --rate RATE",
            {"ahead": ahead},
        )


def _scheduled(facts: JobFacts) -> Iterator[Cause]:
    job, now = facts.job, facts.queue.at
    due = job.due_at or now
    fields = {"due_at": rfc3339(due), "eta_s": round(max(0.0, (due - now).total_seconds()), 1)}
    if due > now:
        yield _waits(job, due, now, fields)
        return
    late = f"It is due since {ago(due, now)}"
    held_up = [cause for cause in blockers(facts.queue) if cause.word != "queue_paused"]
    if not held_up:
        yield Cause("promoting", f"{late}: a worker is about to make it ready.", "", fields)
    for cause in held_up:
        word = "due_no_worker" if cause.word == "no_worker" else cause.word
        yield Cause(word, f"{late}, but nobody makes it ready. {cause.text}", cause.todo, fields)


def _waits(job: JobDetail, due: datetime, now: datetime, fields: Mapping[str, object]) -> Cause:
    when = f"{rfc3339(due)}, in {about(due - now)}"
    if job.attempts and job.error is not None:
        return Cause(
            "next_attempt",
            f"Attempt {job.attempts} failed with {job.error.type}: {job.error.message[:200]}. "
            f"The next one is at {when}.",
            f"Run it now: taskq retry {job.ref}",
            fields,
        )
    if job.debounce is not None and not job.attempts:
        limit = rfc3339(job.latest_at)
        return Cause(
            "debounced",
            f"It is debounced: it runs at {when}, unless another call with the key {job.unique!r} comes "
            f"before; at {limit} at the latest.",
            f"Run it now: taskq retry {job.ref}",
            {**fields, "latest_at": limit},
        )
    return Cause("scheduled", f"It was enqueued for {when}.", f"Run it now: taskq retry {job.ref}", fields)


def _held_key(facts: JobFacts) -> Iterator[Cause]:
    job = facts.job
    until = job.held_until
    if until is not None and until > facts.queue.at:
        yield Cause(
            "key_held",
            f"Its throttle holds the key {job.unique!r} until {rfc3339(until)}, whatever becomes of it.",
            "",
            {"held_until": rfc3339(until)},
        )


# -- running ----------------------------------------------------------------------------------


def _running(facts: JobFacts) -> Iterator[Cause]:
    holder = facts.place.holder if facts.place is not None else None
    if holder is None:
        yield Cause("running", "It runs.")
        return
    lease = next((each for each in facts.queue.workers if each.id == holder.worker), None)
    name = lease.process if lease is not None else holder.worker
    fields = {"worker": name, "since_s": round(holder.held_for.total_seconds(), 1)}
    if silent := _silence(facts, holder, lease):
        yield Cause("worker_silent", *silent, {**fields, "eta_s": _takeover_s(facts, holder)})
        return
    runs = f"It runs on {name} since {about(holder.held_for)}"
    asked = lease is not None and facts.job.ref in lease.cancelling
    if holder.cancelled or asked:
        yield Cause(
            "being_cancelled",
            f"{runs}, and {name} was told to cancel it: its handler has not ended yet.",
            "A plain function cannot be stopped from outside; it is left to end",
            fields,
        )
    else:
        limit = f" (it may take {about(facts.job.timeout)})" if facts.job.timeout else ""
        yield Cause("running", f"{runs}{limit}, attempt {max(1, facts.job.attempts)}.", "", fields)
    if lease is not None and stalled(lease):
        yield Cause("workers_stuck", f"{name} takes no other jobs: a handler holds its event loop.")


def _silence(facts: JobFacts, holder: Holder, lease: WorkerInfo | None) -> tuple[str, str] | None:
    """What there is to say, and to do, when its worker was not heard of for a while."""
    now = facts.queue.at
    others = any(worker.id != holder.worker for worker in facts.queue.workers)
    todo = "" if others else f"Start a worker to take it over: taskq worker APP -q {facts.queue.name}"
    if holder.revoked:
        return "Its worker fell silent, and the job is being taken over.", todo
    if holder.expires_at is None:
        return f"It is in the name of {holder.worker}, which has no lease: it will be taken over.", todo
    left = (holder.expires_at - now).total_seconds()
    if left <= 0:
        when = "in a second or two" if others else "as soon as another worker is there"
        return f"Its worker fell silent, its lease ended {about(-left)} ago: taken over {when}.", todo
    # a live worker renews three times a lease, so more than half of it is always left
    length = (lease.lease if lease is not None else holder.held_for).total_seconds()
    if lease is not None and left < length / 2:
        when = f"in {about(left + 1)}" if others else "once another worker is there"
        return (
            f"Its worker was not heard of for {about(length - left)}: if it stays silent, the job is taken "
            f"over {when}.",
            todo,
        )
    return None


def _takeover_s(facts: JobFacts, holder: Holder) -> float | None:
    if holder.expires_at is None or not any(w.id != holder.worker for w in facts.queue.workers):
        return None
    return round(max(0.0, (holder.expires_at - facts.queue.at).total_seconds()) + 1, 1)


# -- ended ------------------------------------------------------------------------------------


def _dead(facts: JobFacts) -> Iterator[Cause]:
    yield _of_death(facts.job, facts.queue.at)
    yield from waits_for_it(facts)


def _of_death(job: JobDetail, at: datetime) -> Cause:
    error = job.error
    when = f" {ago(job.died_at, at)} ago" if job.died_at else ""
    if error is None:
        return Cause("dead", f"It died{when}.", f"taskq retry {job.ref}")
    said = f"{error.type}: {error.message[:300]}"
    if error.type == "Poison":
        return Cause(
            "poison", f"It died{when}: {error.message[:300]}.", f"Look at it first: taskq inspect {job.ref}"
        )
    if error.type == "UnknownTask":
        return Cause(
            "unknown_task",
            f"It died{when}: the worker that took it does not know task {job.task}.",
            f"Start workers whose app has it, then: taskq retry {job.ref}",
        )
    return Cause(
        "dead",
        f"It died{when} after {many(max(1, job.attempts), 'attempt')}, of {said}.",
        f"See more: taskq inspect {job.ref}; run it again: taskq retry {job.ref}",
    )


def _done(facts: JobFacts) -> Iterator[Cause]:
    yield Cause("done", "It is done; its result is kept.", f"taskq result {facts.job.ref}")


def _cancelled(facts: JobFacts) -> Iterator[Cause]:
    yield Cause("cancelled", "It was cancelled.")


_BY_STATE: Final[Mapping[State, Callable[[JobFacts], Iterator[Cause]]]] = {
    State.READY: _ready,
    State.SCHEDULED: _scheduled,
    State.RUNNING: _running,
    State.DEAD: _dead,
    State.DONE: _done,
    State.CANCELLED: _cancelled,
}
