"""Why nothing, or little, moves in a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from taskq_cli.jsontext import rfc3339
from taskq_cli.why.facts import Cause, QueueFacts, about, does, in_time, many
from taskq_cli.why.groups import queue_groups
from taskq_cli.why.limits import queue_held
from taskq_cli.why.tenants import queue_tenants
from taskq_core import stalled


def queue_causes(facts: QueueFacts) -> list[Cause]:
    """All that holds the queue up, what weighs most first; how it goes where nothing does."""
    causes = [*_hindrances(facts), *_progress(facts)]
    return causes or [Cause("moving", "It moves.")]


def blockers(facts: QueueFacts) -> Iterator[Cause]:
    """What keeps every job of the queue from being taken."""
    name = facts.name
    if facts.snapshot.paused:
        yield Cause(
            "queue_paused",
            f"Queue {name} is paused: workers take no jobs from it.",
            f"taskq queue resume {name}",
        )
    if not facts.workers:
        yield Cause(
            "no_worker", f"No live worker serves queue {name}.", f"Start one: taskq worker APP -q {name}"
        )
        return
    stuck = [worker for worker in facts.workers if stalled(worker)]
    if stuck and not facts.able:
        pause = max((worker.claim_pause for worker in stuck if worker.claim_pause), default=None)
        yield Cause(
            "workers_stuck",
            f"{many(len(stuck), 'worker')} of queue {name} live but take no jobs"
            f"{f' (none for {about(pause)})' if pause else ''}: most likely a handler holds the event loop.",
            f"Look at it: taskq workers show {quote(stuck[0].process)}; or restart it: "
            f"taskq workers stop {quote(stuck[0].process)}",
            {"worker": stuck[0].process},
        )
    elif not facts.able:
        yield Cause(
            "workers_stopping",
            f"All workers of queue {name} are stopping and take no more jobs.",
            f"Start others: taskq worker APP -q {name}",
        )


def unknown_task(facts: QueueFacts, task: str) -> Cause | None:
    """No live worker knows a task."""
    if not facts.workers or facts.knows(task):
        return None
    return Cause(
        "unknown_task",
        f"No live worker of queue {facts.name} knows task {task}: whoever takes the job will bury it.",
        "Start workers whose app has it, before those that run take the job",
        {"task": task},
    )


def _hindrances(facts: QueueFacts) -> Iterator[Cause]:
    snapshot, waiting = facts.snapshot, facts.snapshot.ready_total + facts.snapshot.scheduled
    lost = facts.audit.expired.keys() | facts.audit.strays.keys()
    for cause in blockers(facts):
        if waiting or snapshot.running or cause.word != "no_worker":
            yield cause
    if lost and snapshot.running:
        yield Cause(
            "worker_silent",
            f"{many(len(lost), 'worker')} fell silent while holding jobs.",
            "A live worker takes them over within seconds"
            if facts.able
            else "Start a worker to take them over",
            {"worker": min(lost)},
        )
    for task in sorted(facts.tasks):
        if cause_ := unknown_task(facts, task):
            yield cause_
    yield from queue_held(facts)
    yield from queue_tenants(facts)
    yield from queue_groups(facts)
    limit = snapshot.limits.max_jobs
    if limit is not None and snapshot.depth >= limit:
        yield Cause(
            "queue_full",
            f"Queue {facts.name} holds {many(snapshot.depth, 'job')}, its limit is {limit:,}: "
            "producers are refused.",
            f"Wait for workers, or: taskq queue set {facts.name} --max-jobs N",
            {"depth": snapshot.depth},
        )
    if snapshot.draining:
        yield Cause(
            "queue_draining",
            f"Queue {facts.name} is draining: workers go on, producers are refused.",
            f"taskq queue resume {facts.name}",
        )


def _progress(facts: QueueFacts) -> Iterator[Cause]:
    snapshot = facts.snapshot
    free = snapshot.ready_total - snapshot.held
    eta = facts.eta(free)
    if free > 0 and facts.able and not snapshot.paused:
        counts = does(free, "job", "wait")
        fields = {"ahead": free, "eta_s": eta}
        if facts.busy:
            yield Cause(
                "slots_busy",
                f"All {facts.slots} slots of {many(len(facts.able), 'worker')} are busy, "
                f"{counts}{in_time(eta)}.",
                "More workers, or more slots (-c), make it faster",
                fields,
            )
        else:
            yield Cause("moving", f"It moves: {counts}{in_time(eta)}.", "", fields)
    elif snapshot.running and not snapshot.ready_total:
        yield Cause("only_running", f"Nothing waits; {does(snapshot.running, 'job', 'run')}.")
    elif snapshot.scheduled and snapshot.next_due_at is not None:
        yield _next_due(facts)
    elif not snapshot.depth:
        yield Cause("empty", f"Queue {facts.name} is empty: there is nothing to do.")


def _next_due(facts: QueueFacts) -> Cause:
    snapshot = facts.snapshot
    due = snapshot.next_due_at
    assert due is not None  # noqa: S101 - asked before
    wait = (due - facts.at).total_seconds()
    when = f"the next one is due in {about(wait)}" if wait > 0 else f"the next one was due {about(-wait)} ago"
    return Cause(
        "only_scheduled",
        f"{does(snapshot.scheduled, 'scheduled job', 'wait')} for its time; {when}.",
        "",
        {"due_at": rfc3339(due), "eta_s": round(max(0.0, wait), 1)},
    )
