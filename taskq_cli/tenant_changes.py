"""What `taskq tenant` changes in a queue: limits, pauses, and jobs that go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from taskq_cli.session import Session
from taskq_cli.targets import purgeable
from taskq_cli.tenant_views import purged_record
from taskq_core import Client, State, TenantInfo, UsageError


@dataclass(frozen=True, slots=True)
class NewLimits:
    """The limits that are to change; 0, or an empty rate, is the default."""

    weight: Annotated[
        int | None, typer.Option("--weight", min=0, metavar="N", help="Jobs it gets in a round: 1, or more.")
    ] = None
    max_running: Annotated[
        int | None, typer.Option("--max-running", min=0, metavar="N", help="Jobs it may have running.")
    ] = None
    max_waiting: Annotated[
        int | None, typer.Option("--max-waiting", min=0, metavar="N", help="Ready jobs it may have waiting.")
    ] = None
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="RATE", help="How often its jobs may start: 100/s.")
    ] = None

    def changes(self) -> dict[str, Any]:
        """As the client takes them. Raises: UsageError, when nothing is to change."""
        given = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        if not given:
            raise UsageError(
                "nothing to set", hint="For example --weight 3, --max-running 10 or --rate 100/s"
            )
        return {name: None if value in (0, "", "0") else value for name, value in given.items()}


def tenants_of(client: Client, queue: str) -> list[TenantInfo]:
    """All tenants of a queue, by name."""
    found: list[TenantInfo] = []
    cursor = ""
    while True:
        page = client.tenants.list(queue, cursor=cursor)
        found += page.tenants
        cursor = page.cursor
        if not cursor:
            return found


def states_of(wanted: list[str] | None) -> list[State]:
    """The states to be purged: ready and scheduled, if none is named. Raises: InvalidOption, UsageError."""
    return [purgeable(state) for state in wanted or (State.READY, State.SCHEDULED)]


def purge_states(session: Session, queue: str, name: str, states: list[State]) -> None:
    """Removes a tenant's jobs and says how many there were."""
    for state in states:
        purged = session.client.tenants.purge(queue, name, state)
        session.output.write(purged_record(queue, name, str(state), purged))
