"""What limits and pauses of tenants hold in a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from taskq_cli.why.facts import Cause, QueueFacts, does, many
from taskq_core import HeldTenants, TenantHold

TOLD: Final = 3


def queue_tenants(facts: QueueFacts) -> Iterator[Cause]:
    """Tenants that are paused or at a limit of their own, and what they hold."""
    held = facts.tenants
    if held.paused_jobs:
        paused = [hold for hold in held.worst if hold.limits.paused]
        yield Cause(
            "tenants_paused", f"{paused_text(held)}.", paused_todo(facts), _fields(paused, held.paused_jobs)
        )
    if held.limited_jobs:
        limited = [hold for hold in held.worst if not hold.limits.paused]
        yield Cause(
            "tenants_limited",
            f"{limited_text(held)}.",
            limited_todo(facts),
            _fields(limited, held.limited_jobs),
        )


def paused_text(held: HeldTenants) -> str:
    """Who is paused, with how many jobs that wait."""
    names = _named([hold for hold in held.worst if hold.limits.paused], held.paused, reasons=False)
    tenants = f"{many(held.paused, 'tenant')} {'is' if held.paused == 1 else 'are'} paused"
    return f"{tenants}, and {does(held.paused_jobs, 'job', 'wait')} for that{names}"


def limited_text(held: HeldTenants) -> str:
    """Who is at which limit, with how many jobs that wait."""
    names = _named([hold for hold in held.worst if not hold.limits.paused], held.limited, reasons=True)
    return f"{does(held.limited_jobs, 'job', 'wait')} at limits of {many(held.limited, 'tenant')}{names}"


def paused_todo(facts: QueueFacts) -> str:
    """How one of them goes on."""
    name = next((hold.name for hold in facts.tenants.worst if hold.limits.paused), "TENANT")
    return f"taskq tenant resume {facts.name} {name}"


def limited_todo(facts: QueueFacts) -> str:
    """How a limit is raised."""
    hold = next((hold for hold in facts.tenants.worst if not hold.limits.paused), None)
    flag = "--max-running N, or --rate RATE"
    if hold is not None:
        flag = "--rate RATE" if hold.reason.startswith("rate") else "--max-running N"
    return f"Raise it: taskq tenant set {facts.name} {hold.name if hold else 'TENANT'} {flag}"


def _named(holds: Sequence[TenantHold], count: int, *, reasons: bool) -> str:
    """The first of them with what they hold, behind a colon; empty where none is known by name."""
    if not holds:
        return ""
    said = [f"{hold.name} ({hold.held:,}{f', {hold.reason}' if reasons else ''})" for hold in holds[:TOLD]]
    more = count - len(said)
    return f": {', '.join(said)}" + (f" and {many(more, 'other')}" if more > 0 else "")


def _fields(holds: Sequence[TenantHold], jobs: int) -> dict[str, object]:
    return {"tenants": [hold.name for hold in holds[:TOLD]], "held": jobs}
