"""Changes: planned first, shown with count and sample, checked again, and only then made.

A plan names each job it is about. What is confirmed is the plan; when the same plan made anew names other
jobs, it is refused and shown again. Nothing but what was confirmed is ever changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from taskq_cli.sanitize import clean
from taskq_core import Change, Client, JobRef, Standing, State, UsageError

SAMPLE: Final = 5
BATCH: Final = 1_000
MOST_JOBS: Final = 100_000
"""Jobs in one plan: more than that are changed in several goes, or by the command line."""
COMMAND_IDS: Final = 3
"""Ids that are spelled out in the command that does the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that can be agreed to. ``targets`` tell two plans apart; ``run`` carries it out.

    ``typed``: what has to be typed for it; empty: a y is enough. ``number``: how many jobs it is about,
    where they are not named one by one. ``fluid``: the list changes by itself all the time, so what is
    agreed to is at most these jobs; those that are no longer there are left out when it runs.
    """

    title: str
    command: str
    targets: frozenset[str]
    sample: tuple[str, ...]
    run: Callable[[Client], str]
    typed: str = ""
    warning: str = ""
    number: int | None = None
    fluid: bool = False

    @property
    def count(self) -> int:
        """How many jobs, queues or workers it is about."""
        return len(self.targets) if self.number is None else self.number

    def same_as(self, other: Plan) -> bool:
        """Whether the other one is about the very same."""
        return self.fluid or self.targets == other.targets


# -- jobs ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobVerb:
    """A verb for jobs; ``done`` as in `12 retried`. ``states``: those in which it can be done.

    ``instead``: what to do about jobs in other states.
    """

    name: str
    done: str
    call: Callable[[Client, str, Sequence[str]], list[Change]]
    states: frozenset[str]
    instead: str


RETRY: Final = JobVerb(
    "retry", "retried", Client.retry, frozenset({State.DEAD, State.SCHEDULED}),
    "only dead and scheduled jobs can be retried",
)  # fmt: skip
CANCEL: Final = JobVerb(
    "cancel", "cancelled", Client.cancel, frozenset({State.SCHEDULED, State.READY, State.RUNNING}),
    "only jobs that wait or run can be cancelled; D deletes dead ones",
)  # fmt: skip
BURY: Final = JobVerb(
    "bury", "buried", Client.bury, frozenset({State.SCHEDULED}),
    "only scheduled jobs can be buried; K cancels others",
)  # fmt: skip
DELETE: Final = JobVerb(
    "delete", "deleted", Client.delete, frozenset({State.DEAD}),
    "only dead jobs can be deleted; K cancels others",
)  # fmt: skip
GONE_FOR_GOOD: Final = "They are gone for good."


def plan_jobs(client: Client, verb: JobVerb, refs: Sequence[JobRef]) -> Plan:
    """A verb for those of the jobs whose state allows it now. Raises: UsageError when there are none."""
    if not refs:
        raise UsageError(f"no job to {verb.name}")
    found = _allowed(client, verb, refs)
    if not found:
        raise UsageError(f"nothing to {verb.name}: {verb.instead}")
    names = [str(ref) for ref in found]
    shown = names if len(names) <= COMMAND_IDS else [*names[:COMMAND_IDS], "…"]
    left = len(refs) - len(found)
    return Plan(
        title=f"{verb.name.capitalize()} {_what(found)}",
        command=shlex.join(["taskq", verb.name, *shown, "--yes"]).replace("'…'", "…"),
        targets=frozenset(names),
        sample=tuple(names[:SAMPLE]) if len(names) > 1 else (),
        run=lambda client: change_jobs(client, verb, found),
        warning=" ".join(part for part in (_left_out(verb, left), _finality(verb)) if part),
    )


def _allowed(client: Client, verb: JobVerb, refs: Sequence[JobRef]) -> list[JobRef]:
    found: list[JobRef] = []
    for queue, ids in _by_queue(refs).items():
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            states = client.states(queue, part)
            found += [JobRef(queue, i) for i, s in zip(part, states, strict=True) if _may(verb, s)]
    return found


def _may(verb: JobVerb, standing: Standing) -> bool:
    return standing.value in verb.states


def _left_out(verb: JobVerb, count: int) -> str:
    return f"{count:,} others are left out: {verb.instead}." if count else ""


def _finality(verb: JobVerb) -> str:
    return GONE_FOR_GOOD if verb is DELETE else ""


def _what(refs: Sequence[JobRef]) -> str:
    if len(refs) == 1:
        return str(refs[0])
    return f"{len(refs):,} jobs of {_where(ref.queue for ref in refs)}"


def _where(queues: Iterable[str]) -> str:
    names = sorted(set(queues))
    return ", ".join(names) if len(names) <= COMMAND_IDS else f"{len(names)} queues"


def _by_queue(refs: Iterable[JobRef]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ref in refs:
        found.setdefault(ref.queue, []).append(ref.id)
    return found


def change_jobs(client: Client, verb: JobVerb, refs: Sequence[JobRef]) -> str:
    """Does it, a thousand jobs a step, and says how many were changed. Raises: TaskqError."""
    done = missed = 0
    for queue, ids in _by_queue(refs).items():
        for start in range(0, len(ids), BATCH):
            changes = verb.call(client, queue, ids[start : start + BATCH])
            done += sum(change.done for change in changes)
            missed += sum(not change.done for change in changes)
    return f"{done:,} {verb.done}" + (f", {missed:,} were no longer there to {verb.name}" if missed else "")


# -- queues ----------------------------------------------------------------------------------------


def plan_pause(client: Client, queues: Sequence[str]) -> Plan:
    """Pauses queues, or lets them go on where all of them are held. Raises: UsageError for none."""
    if not queues:
        raise UsageError("no queue is chosen")
    held = all(snapshot.paused or snapshot.draining for snapshot in client.snapshots(queues))
    verb, call = ("resume", Client.resume) if held else ("pause", Client.pause)

    def run(client: Client) -> str:
        changed = [queue for queue in queues if call(client, queue)]
        return f"{', '.join(changed) or 'nothing'} {verb}d"

    return Plan(
        title=f"{verb.capitalize()} {', '.join(map(clean, queues[:SAMPLE]))}",
        command=" && ".join(shlex.join(["taskq", "queue", verb, queue]) for queue in queues[:SAMPLE]),
        targets=frozenset(f"{verb} {queue}" for queue in queues),
        sample=tuple(queues[:SAMPLE]) if len(queues) > 1 else (),
        run=run,
        warning="" if held else "Running jobs go on, no other is started until the queue is resumed.",
    )


PURGED: Final = (State.READY, State.SCHEDULED, State.DEAD)


def plan_purge(client: Client, queue: str, state: State) -> Plan:
    """Removes all jobs of a state, no more than there are now.

    Raises: UsageError when there are none, or for a state that cannot be purged.
    """
    if state not in PURGED:
        raise UsageError(f"cannot purge {state} jobs", hint=f"One of: {', '.join(PURGED)}")
    snapshot = client.snapshot(queue)
    depths = {
        State.READY: snapshot.ready_total,
        State.SCHEDULED: snapshot.scheduled,
        State.DEAD: snapshot.dead,
    }
    count = depths[state]
    if not count:
        raise UsageError(f"no {state} job in {queue}")

    def run(client: Client) -> str:
        left, gone = count, 0
        while left > 0 and (step := client.purge(queue, state, limit=min(BATCH, left))):
            left, gone = left - step, gone + step
        return f"{gone:,} {state} jobs of {queue} purged"

    return Plan(
        title=f"Purge all {count:,} {state} jobs of {queue}",
        command=shlex.join(["taskq", "purge", queue, "--state", state, "--confirm", queue]),
        targets=frozenset({f"{queue} {state}"}),
        sample=tuple(str(job.ref) for job in client.list_jobs(queue, state, limit=SAMPLE).jobs),
        run=run,
        typed=queue,
        warning=GONE_FOR_GOOD,
        number=count,
    )
