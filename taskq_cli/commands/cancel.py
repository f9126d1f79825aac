"""`taskq cancel`: waiting jobs are taken out, running ones told to stop."""

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
CANCEL = Verb("cancel", "cancelled", Client.cancel, group_state="scheduled")

EXAMPLES = """
taskq cancel emails/n1763951707123-0
taskq jobs -q emails --state ready,scheduled --task send-newsletter -o name | taskq cancel - --yes
taskq cancel -q emails --state scheduled --filter 'payload.campaign=spring' --dry-run
"""


@leaf(app, examples=EXAMPLES)
def cancel(
    shared: Shared,
    chosen: Selection,
    pace: Pace,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…|-", help="Jobs; `-`: from stdin.")] = None,
) -> None:
    """Take jobs out before they run, or stop them while they do.

    A running job is told to stop by its worker; its outcome is `cancelled`.
    """
    with Session(shared, patient=ids == ["-"]) as session:
        Mutation(session, CANCEL, pace).run(ids or [], chosen)
