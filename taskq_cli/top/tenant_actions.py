"""Changes of tenants: planned as those of jobs and queues are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from taskq_cli.top.actions import SAMPLE, Plan
from taskq_core import Client, UsageError


def plan_pause_tenants(client: Client, queue: str, names: Sequence[str]) -> Plan:
    """Pauses tenants, or lets them go on where all of them are paused. Raises: UsageError for none."""
    if not names:
        raise UsageError("no tenant is chosen")
    held = all(client.tenants.get(queue, name).limits.paused for name in names)
    verb = "resume" if held else "pause"

    def run(client: Client) -> str:
        call = client.tenants.resume if held else client.tenants.pause
        for name in names:
            call(queue, name)
        return f"{', '.join(names[:SAMPLE])} {verb}d"

    what = names[0] if len(names) == 1 else f"{len(names):,} tenants"
    return Plan(
        title=f"{verb.capitalize()} {what} of {queue}",
        command=" && ".join(shlex.join(["taskq", "tenant", verb, queue, name]) for name in names[:SAMPLE]),
        targets=frozenset(f"{verb} {name}" for name in names),
        sample=tuple(names[:SAMPLE]) if len(names) > 1 else (),
        run=run,
        warning="" if held else "Running jobs go on, and more may be added; none starts until it is resumed.",
    )
