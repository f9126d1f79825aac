"""`taskq retry`: dead jobs become ready again, scheduled ones due now."""

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
RETRY = Verb("retry", "retried", Client.retry, asks=False)

EXAMPLES = """
taskq retry emails/n1763951707123-0
taskq jobs -q emails --state dead --since 1h -o name | taskq retry - --rate 50/s
taskq retry -q emails --state dead --filter 'error.type=TimeoutError' --dry-run
taskq retry --group 9f86d081884c
"""


@leaf(app, examples=EXAMPLES)
def retry(
    shared: Shared,
    chosen: Selection,
    pace: Pace,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…|-", help="Jobs; `-`: from stdin.")] = None,
) -> None:
    """Run dead jobs again, or scheduled ones now."""
    with Session(shared, patient=ids == ["-"]) as session:
        Mutation(session, RETRY, pace).run(ids or [], chosen)
