"""`taskq delete`: dead jobs are removed for good."""

from __future__ import annotations

from typing import Annotated

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.mutation import Mutation, Pace, Verb
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.targets import Selection
from taskq_core import Client

app = new_app()
DELETE = Verb("delete", "deleted", Client.delete)

EXAMPLES = """
taskq delete emails/n1763951707123-0
taskq jobs -q emails --state dead --filter 'error.type=ValueError' -o name | taskq delete - --yes
taskq delete -q emails --state dead --limit 100 --dry-run
"""


@leaf(app, examples=EXAMPLES)
def delete(
    shared: Shared,
    chosen: Selection,
    pace: Pace,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…|-", help="Jobs; `-`: from stdin.")] = None,
) -> None:
    """Remove jobs from the dead letter queue, for good."""
    with Session(shared, patient=ids == ["-"]) as session:
        Mutation(session, DELETE, pace).run(ids or [], chosen)
