"""`taskq demo`: workers, load and live counts, for some seconds."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from taskq_cli.demo.play import Outcome, stage
from taskq_cli.demo.screen import open_screen
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.views import View
from taskq_core import shown_url

app = new_app()

VIEW: Final = View(
    schema="taskq.demo/1",
    fields=(
        "schema", "enqueued", "done", "dead", "failed", "retried", "recovered", "unfinished", "lost",
    ),
    columns=("enqueued", "done", "dead", "failed", "retried", "recovered", "unfinished", "lost"),
    key="enqueued",
)  # fmt: skip

EXAMPLES = """
taskq demo
taskq demo --seconds 60 --url redis://localhost:6379
"""


@leaf(app, examples=EXAMPLES)
def demo(
    shared: Shared,
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, max=3600.0, metavar="N", help="How long it lasts, about.")
    ] = 20.0,
    hold: Annotated[
        bool, typer.Option("--hold", help="Go on until ctrl-c, and let more go wrong, for `taskq top`.")
    ] = False,
) -> None:
    """See it work: example workers, load, live counts, and a worker that is killed.

    Works in the namespace demo, which is emptied at the end. Exit code 1 when a job was lost.
    """
    with Session(shared) as session:
        session.may_change()
        writer = session.writer(VIEW)
        url = session.url
        session.client.time()  # a server that is not there is said now, not after the patience of a producer
        session.narrate(f"three queues, two workers and some load on {shown_url(url)}")
        screen = open_screen(quiet=shared.quiet)
        try:
            with stage(url, screen, held=hold) as play:
                if hold:
                    session.narrate("look at it with: taskq top --namespace demo")
                    play.hold()
                outcome = play.run(seconds)
        finally:
            screen.close()
        writer.write(_record(outcome))
        writer.flush()
        session.narrate(_verdict(outcome))
        if outcome.lost or outcome.unfinished:
            raise typer.Exit(ExitCode.FAILED)


def _verdict(outcome: Outcome) -> str:
    if outcome.lost or outcome.unfinished:
        return f"{outcome.lost:,} jobs lost, {outcome.unfinished:,} not finished in time"
    return f"nothing lost: {outcome.enqueued:,} enqueued = {outcome.done:,} done + {outcome.dead:,} dead"


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "schema": VIEW.schema,
        "enqueued": outcome.enqueued,
        "done": outcome.done,
        "dead": outcome.dead,
        "failed": outcome.failed,
        "retried": outcome.retried,
        "recovered": outcome.recovered,
        "unfinished": outcome.unfinished,
        "lost": outcome.lost,
    }
