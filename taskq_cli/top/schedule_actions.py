"""Changes of schedules: planned as those of jobs and queues are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from taskq_cli.top.actions import SAMPLE, Plan
from taskq_core import Client, ScheduleRef, UsageError


def plan_pause_schedules(client: Client, refs: Sequence[ScheduleRef]) -> Plan:
    """Pauses schedules, or lets them go on where all of them are paused. Raises: UsageError, NotFound."""
    _some(refs)
    held = all(client.schedules.get(ref).paused for ref in refs)
    verb = "resume" if held else "pause"

    def run(client: Client) -> str:
        call = client.schedules.resume if held else client.schedules.pause
        changed = [str(ref) for ref in refs if call(ref)]
        return f"{', '.join(changed[:SAMPLE]) or 'nothing'} {verb}d"

    return Plan(
        title=f"{verb.capitalize()} {_what(refs)}",
        command=_command(verb, refs),
        targets=frozenset(f"{verb} {ref}" for ref in refs),
        sample=_sample(refs),
        run=run,
        warning="" if held else "Runs are left out until it is resumed; jobs that were made go on.",
    )


def plan_trigger(client: Client, refs: Sequence[ScheduleRef]) -> Plan:
    """Enqueues the job of each schedule now. Raises: UsageError, NotFound."""
    _some(refs)
    tasks = sorted({client.schedules.get(ref).schedule.task for ref in refs})

    def run(client: Client) -> str:
        made = [str(client.schedules.trigger(ref)) for ref in refs]
        return f"enqueued {', '.join(made[:SAMPLE])}"

    return Plan(
        title=f"Trigger {_what(refs)}",
        command=_command("trigger", refs),
        targets=frozenset(map(str, refs)),
        sample=_sample(refs),
        run=run,
        warning=f"Runs {', '.join(tasks[:SAMPLE])} now, beside the timetable.",
    )


def _some(refs: Sequence[ScheduleRef]) -> None:
    if not refs:
        raise UsageError("no schedule is chosen")


def _what(refs: Sequence[ScheduleRef]) -> str:
    return str(refs[0]) if len(refs) == 1 else f"{len(refs):,} schedules"


def _sample(refs: Sequence[ScheduleRef]) -> tuple[str, ...]:
    return tuple(map(str, refs[:SAMPLE])) if len(refs) > 1 else ()


def _command(verb: str, refs: Sequence[ScheduleRef]) -> str:
    if verb == "trigger":
        return " && ".join(shlex.join(["taskq", "schedule", verb, str(ref)]) for ref in refs[:SAMPLE])
    return shlex.join(["taskq", "schedule", verb, *map(str, refs[:SAMPLE])])
