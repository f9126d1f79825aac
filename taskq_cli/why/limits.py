"""What limits of starting and running say about a job or a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from taskq_cli.why.facts import Cause, JobFacts, QueueFacts, about, does, many
from taskq_core import GateInfo, JobDetail

MOST_HELD = 100_000
"""Held jobs of a stream, over which claims read no further there."""


def held_by(facts: JobFacts) -> Iterator[Cause]:
    """The limits that keep a job from starting now."""
    for gate in facts.gates.closed if facts.gates is not None else ():
        yield Cause("held", f"{_why(gate)}.", _todo(gate, facts.queue.name, facts.job), fields_of(gate))
    if facts.gates is None or facts.gates.closed:
        return
    for gate in facts.gates.gates:
        if gate.held:
            yield Cause(
                "held", f"{does(gate.held, 'job', 'wait')} at {gate.label}, of which some may start now.", "",
                fields_of(gate),
            )  # fmt: skip


def queue_held(facts: QueueFacts) -> Iterator[Cause]:
    """The limits that hold jobs of a queue, and one that holds too many."""
    gates = facts.gates
    if gates is None:
        return
    waits = facts.snapshot.ready_total
    for gate in gates.gates:
        if gate.of == "queue" and gate.closed and waits:
            yield Cause("held", f"{does(waits, 'job', 'wait')}: {_why(gate)}.", "", fields_of(gate))
        elif gate.of != "queue" and gate.held:
            yield Cause("held", f"{does(gate.held, 'job', 'wait')}: {_why(gate)}.", "", fields_of(gate))
    if gates.held >= MOST_HELD:
        yield Cause(
            "too_many_held",
            f"{many(gates.held, 'job')} are held by limits: no more are looked at, so those behind wait too.",
            "Give jobs that are slow to start a queue of their own, or raise their limit",
            {"held": gates.held},
        )


def _why(gate: GateInfo) -> str:
    if gate.full:
        who = f": {gate.running_job}" if gate.running_job and gate.max_running == 1 else ""
        return f"held by {gate.label}, {gate.running} of {gate.max_running} running{who}"
    if gate.may_start == 0:
        when = f"; the next may start in {about(gate.opens_in)}" if gate.opens_in else ""
        return f"held by the rate {gate.rate} of {gate.label}{when}"
    return f"they wait at {gate.label}, of which some may start now"


def _todo(gate: GateInfo, queue: str, job: JobDetail) -> str:
    if gate.of == "queue":
        return f"Raise it: taskq queue set {queue} {'--max-running N' if gate.full else '--rate RATE'}"
    if gate.of == "task":
        flag = f"--task-max-running {job.task}=N" if gate.full else f"--task-rate {job.task}=RATE"
        return f"Raise it: taskq queue set {queue} {flag}"
    return ""


def fields_of(gate: GateInfo) -> Mapping[str, Any]:
    """A limit as fields of a record."""
    return {
        "held_by": gate.label,
        "limit": str(gate),
        "held": gate.held,
        "running": gate.running,
        "eta_s": None if gate.opens_in is None else round(gate.opens_in.total_seconds(), 1),
    }
