"""What may be wrong with a queue and its workers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from shlex import quote
from typing import Final

from taskq_cli.doctor.findings import NOTE, PROBLEM, Finding
from taskq_cli.why.facts import QueueFacts, about, does, many
from taskq_cli.why.groups import groups_text, groups_todo, halted
from taskq_cli.why.limits import MOST_HELD
from taskq_cli.why.tenants import limited_text, limited_todo, paused_text, paused_todo
from taskq_core import WorkerInfo, stalled

OVERDUE_S: Final = 5.0
"""Workers promote twice a second."""
SILENT_S: Final = 5.0
"""A lease that ended is taken over within two seconds, when there is anybody to do it."""
CLOCK_S: Final = 1.0
NEARLY: Final = 0.9


def queue_findings(facts: QueueFacts) -> Iterator[Finding]:
    """All findings about a queue that one look shows."""
    for check in _CHECKS:
        yield from check(facts)


def _held(facts: QueueFacts) -> Iterator[Finding]:
    """Limits that hold so many jobs that others wait behind them."""
    gates = facts.gates
    if gates is None or gates.held < MOST_HELD:
        return
    worst = max(gates.gates, key=lambda gate: gate.held)
    yield Finding(
        PROBLEM, "too_many_held", facts.name,
        f"{many(gates.held, 'job')} are held by limits, {worst.held:,} of them by {worst.label}.",
        "No more jobs of their level are looked at, so those behind them wait too, whatever their task.",
        f"Raise the limit with taskq queue set {quote(facts.name)}, or give such jobs a queue of their own",
    )  # fmt: skip


def _tenants(facts: QueueFacts) -> Iterator[Finding]:
    """Tenants that are left out while others are served."""
    held, why = facts.tenants, "Other tenants are served meanwhile."
    if held.paused_jobs:
        yield Finding(
            NOTE, "tenants_paused", facts.name, f"{paused_text(held)}.", why, paused_todo(facts)
        )  # fmt: skip
    if held.limited_jobs:
        yield Finding(
            NOTE, "tenants_limited", facts.name, f"{limited_text(held)}.", why, limited_todo(facts)
        )  # fmt: skip


def _groups(facts: QueueFacts) -> Iterator[Finding]:
    """Groups that end only when somebody does something."""
    groups = halted(facts)
    if groups:
        yield Finding(
            NOTE, "groups_halted", facts.name, f"{groups_text(groups)}.",
            "Their callbacks do not come by themselves.", groups_todo(groups),
        )  # fmt: skip


def looks_idle(facts: QueueFacts) -> bool:
    """Whether jobs wait although workers have free slots: worth a second look."""
    snapshot = facts.snapshot
    waited = snapshot.oldest_ready_s or 0.0
    roomy = any(worker.about.get("room") != "0" for worker in facts.able)
    if snapshot.paused or snapshot.held >= snapshot.ready_total or _closed(facts):
        return False  # it waits, and is meant to
    return roomy and not facts.busy and waited > 1.5


def _closed(facts: QueueFacts) -> bool:
    """Whether a limit of the whole queue lets no job start now."""
    gates = facts.gates.gates if facts.gates is not None else ()
    return any(gate.of == "queue" and (gate.closed or gate.rate is not None) for gate in gates)


def not_consuming(first: QueueFacts, second: QueueFacts) -> Finding | None:
    """Workers that took nothing between two looks, although there was something to take."""
    names = ("done", "failed", "cancelled", "recovered")
    moved = (
        [first.snapshot.totals.get(name, 0) for name in names]
        != [second.snapshot.totals.get(name, 0) for name in names]
        or first.audit.delivered != second.audit.delivered
        or second.snapshot.ready_total < first.snapshot.ready_total
    )
    if moved or not looks_idle(second):
        return None
    return Finding(
        PROBLEM, "not_consuming", first.name,
        f"{does(second.snapshot.ready_total, 'job', 'wait')}, "
        f"{many(len(second.able), 'worker')} with free slots took none in a second.",
        "They are connected and alive, and do not work.",
        "See taskq workers show ID; a restart helps, a report of it helps more",
    )  # fmt: skip


def worker_findings(workers: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Findings about workers, whatever queues they serve."""
    seen: set[str] = set()
    for worker in workers:
        if worker.process in seen:
            continue
        seen.add(worker.process)
        yield from _stuck(worker)
        yield from _clock(worker)
    versions = sorted({worker.about.get("version", "?") for worker in workers})
    if len(versions) > 1:
        yield Finding(
            NOTE, "worker_versions", "workers", f"Workers of several versions run: {', '.join(versions)}.",
            "All right during a deploy; for longer, some lack what others have.", "Restart the older ones",
        )  # fmt: skip


def _stuck(worker: WorkerInfo) -> Iterator[Finding]:
    if stalled(worker) and worker.claim_pause is not None:
        yield Finding(
            PROBLEM, "worker_stuck", worker.process,
            f"It is alive and has free slots, and took no jobs for {about(worker.claim_pause)}.",
            "Most likely a handler holds its event loop: everything else in that process stands still.",
            f"taskq workers show {quote(worker.process)}; make the handler plain (def), or let it await",
        )  # fmt: skip


def _clock(worker: WorkerInfo) -> Iterator[Finding]:
    said = worker.said_at
    if said is None or "lease" not in worker.about:
        return
    off = abs((said - worker.seen_at).total_seconds())
    if off > CLOCK_S:
        yield Finding(
            PROBLEM, "clock", worker.process, f"Its clock is {about(off)} off the server's.",
            "Its logs, and the waiting times that it measures, are off by as much.", "Set its machine by NTP",
        )  # fmt: skip


# -- one look at a queue ----------------------------------------------------------------------


def _served(facts: QueueFacts) -> Iterator[Finding]:
    snapshot, name = facts.snapshot, facts.name
    late = snapshot.next_due_at is not None and snapshot.at - snapshot.next_due_at > timedelta(
        seconds=OVERDUE_S
    )
    if not facts.workers and (snapshot.ready_total or snapshot.scheduled):
        now = bool(snapshot.ready_total) or late
        waiting = f"{many(snapshot.ready_total, 'ready job')}, {many(snapshot.scheduled, 'scheduled one')}"
        yield Finding(
            PROBLEM if now else NOTE, "unserved", name, f"No live worker serves it: {waiting}.",
            "" if now else "Nothing is due yet.", f"taskq worker APP -q {name}",
        )  # fmt: skip
    if late and snapshot.next_due_at is not None:
        yield Finding(
            PROBLEM, "overdue", name, f"Jobs are due since {about(snapshot.at - snapshot.next_due_at)}.",
            "Nobody makes them ready.", f"Start a worker, or restart those that run; see taskq why {name}",
        )  # fmt: skip


def _held_up(facts: QueueFacts) -> Iterator[Finding]:
    snapshot, name = facts.snapshot, facts.name
    if snapshot.paused and snapshot.ready_total:
        yield Finding(
            NOTE, "paused", name, f"It is paused, and {does(snapshot.ready_total, 'job', 'wait')}.", "",
            f"taskq queue resume {name}",
        )  # fmt: skip
    if snapshot.draining:
        yield Finding(
            NOTE, "draining", name, f"It takes no more jobs; jobs left: {snapshot.depth:,}.", "",
            f"taskq queue resume {name}",
        )  # fmt: skip
    for task in sorted(facts.tasks):
        if facts.workers and not facts.knows(task):
            yield Finding(
                PROBLEM, "unknown_task", name, f"Jobs of task {task} wait, and no live worker knows it.",
                "Whoever takes them will bury them.", "Start workers whose app has that task",
            )  # fmt: skip


def _limits(facts: QueueFacts) -> Iterator[Finding]:
    snapshot, limits, name = facts.snapshot, facts.snapshot.limits, facts.name
    if limits.max_jobs is not None and snapshot.depth >= limits.max_jobs * NEARLY:
        full = snapshot.depth >= limits.max_jobs
        yield Finding(
            PROBLEM if full else NOTE, "queue_full" if full else "queue_nearly_full", name,
            f"It holds {snapshot.depth:,} of {limits.max_jobs:,} jobs.",
            "Producers are refused." if full else "Producers will be refused.",
            f"More workers, or: taskq queue set {name} --max-jobs N",
        )  # fmt: skip
    if snapshot.dead >= limits.dead_max * NEARLY:
        yield Finding(
            PROBLEM, "dead_nearly_full", name,
            f"It keeps {snapshot.dead:,} of {limits.dead_max:,} dead jobs.",
            "At the limit each further one drops the oldest, for good.",
            f"Retry or delete some, or: taskq queue set {name} --dead-max N",
        )  # fmt: skip
    elif snapshot.totals.get("trimmed"):
        yield Finding(
            NOTE, "dead_trimmed", name,
            f"Dead jobs that were dropped so far: {snapshot.totals['trimmed']:,}.",
            "They were over the limits of the dead letter queue.",
            f"If you want to keep more: taskq queue set {name} --dead-max N --dead-age D",
        )  # fmt: skip


def _holders(facts: QueueFacts) -> Iterator[Finding]:
    name = facts.name
    for worker, held in sorted(facts.audit.strays.items()):
        yield Finding(
            PROBLEM, "orphan_entries", name,
            f"{does(held, 'job', 'stand')} in the name of {worker}, which has no lease.",
            "Its lease was deleted or evicted, or somebody else reads these streams.",
            "Live workers take them over after a lease; start one if there is none",
        )  # fmt: skip
    for worker, ended in sorted(facts.audit.expired.items()):
        if facts.at - ended > timedelta(seconds=SILENT_S):
            yield Finding(
                NOTE if facts.able else PROBLEM, "silent_worker", name,
                f"{worker} fell silent; its lease ended {about(facts.at - ended)} ago.",
                "Its jobs wait to be taken over.", f"taskq worker APP -q {name}",
            )  # fmt: skip


def _indexes(facts: QueueFacts) -> Iterator[Finding]:
    audit = facts.audit
    faults = {
        "due times without their jobs": max(audit.due_without_job, audit.due - audit.jobs),
        "scheduled jobs without a due time": audit.jobs - audit.due + audit.due_without_job,
        "dead ids without their records": max(audit.dead_without_record, audit.dead - audit.dead_jobs),
        "dead jobs that no list names": audit.dead_jobs - audit.dead + audit.dead_without_record,
    }
    for what, count in faults.items():
        if count > 0:
            yield Finding(
                PROBLEM, "index_fault", facts.name, f"{count:,} {what}.",
                "Somebody changed keys of taskq by hand, or the server evicted some.",
                "See that nobody does, and that the eviction policy is noeviction",
            )  # fmt: skip


_CHECKS: Final[tuple[Callable[[QueueFacts], Iterator[Finding]], ...]] = (
    _served,
    _held_up,
    _limits,
    _held,
    _tenants,
    _groups,
    _holders,
    _indexes,
)
