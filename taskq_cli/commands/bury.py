"""`taskq bury`: scheduled jobs go to the dead letter queue, without a further attempt."""

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
BURY = Verb("bury", "buried", Client.bury, group_state="scheduled")

EXAMPLES = """
taskq bury emails/n1763951707123-0 --yes
taskq bury --group 9f86d081884c --dry-run
taskq bury -q emails --state scheduled --filter 'error.type=TimeoutError' --yes
"""


@leaf(app, examples=EXAMPLES)
def bury(
    shared: Shared,
    chosen: Selection,
    pace: Pace,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…|-", help="Jobs; `-`: from stdin.")] = None,
) -> None:
    """Move scheduled jobs to the dead letter queue: no further attempt.

    For jobs that fail again and again while their cause is not fixed. `taskq retry` brings them back.
    """
    with Session(shared, patient=ids == ["-"]) as session:
        Mutation(session, BURY, pace).run(ids or [], chosen)
