"""`taskq jobs`: lists jobs of queues, page by page."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Filter, Group, QueueGlob, Shared, States, span
from taskq_cli.sanitize import clean
from taskq_cli.search import Place, Search
from taskq_cli.session import Session
from taskq_cli.targets import places
from taskq_cli.views import JOB, job_record
from taskq_core import JobFilter, State, UsageError, shown_url

DEFAULT_LIMIT: Final = 100

app = new_app()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are listed, how many, and from where on."""

    queue: QueueGlob = None
    state: States = None
    task: Annotated[str | None, typer.Option("--task", metavar="GLOB", help="Tasks, by name or pattern.")] = (
        None
    )
    filter: Filter = None
    group: Group = None
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="NAME", help="Only the jobs of this tenant.")
    ] = None
    since: Annotated[
        timedelta | None, span("--since", "Only jobs that were enqueued, or died, within this time.")
    ] = None
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many jobs.")] = (
        DEFAULT_LIMIT
    )
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="C", help="Go on where the last page ended.")
    ] = None


EXAMPLES = """
taskq jobs
taskq jobs -q emails --state dead --since 1h
taskq jobs -q 'mail-*' --task 'send-*' --filter 'attempts>3, payload.to~@example.com'
taskq jobs --state dead -o ndjson | jq -c 'select(.error.type=="TimeoutError")' | taskq retry -
"""


@leaf(app, examples=EXAMPLES)
def jobs(shared: Shared, wanted: Wanted) -> None:
    """List the jobs of queues. Jobs that are done are not kept, and so not listed.

    Conditions are looked at on the server, in steps of a few milliseconds; Ctrl-C stops between two of them.
    """
    with Session(shared) as session:
        session.writer(JOB)
        search = Search(session.client, _places(session, wanted), _conditions(wanted), wanted.limit)
        with search.telling(session):
            for page in search.pages():
                for job in page:
                    session.output.write(job_record(job))
                if page:
                    sys.stdout.flush()
                search.progress(session)
        if search.next is not None:
            session.narrate(f"there may be more; the next page: {_next_command(str(search.next))}")


def _places(session: Session, wanted: Wanted) -> list[Place]:
    every = places(session.client, wanted.queue, wanted.state)
    if wanted.cursor is None:
        return every
    first = _split(wanted.cursor)
    begun = [at for at, place in enumerate(every) if place[:2] == first[:2]]
    return [first, *every[begun[0] + 1 :]] if begun else []


def _conditions(wanted: Wanted) -> JobFilter:
    since = None if wanted.since is None else datetime.now(UTC) - wanted.since
    return JobFilter.parse(
        wanted.filter, task=wanted.task, group=wanted.group, since=since, tenant=wanted.tenant
    )


def _split(cursor: str) -> Place:
    parts = cursor.split("/", 2)
    if len(parts) != 3:
        raise UsageError(f"{clean(cursor)!r} is no cursor", hint="Use the one that the page before printed")
    return Place(parts[0], State.of(parts[1]), parts[2])


def _next_command(cursor: str) -> str:
    words: list[str] = []
    skip = False
    for word in sys.argv[1:]:
        if not skip and word != "--cursor" and not word.startswith("--cursor="):
            words.append(shown_url(word) if "://" in word and "@" in word else word)
        skip = not skip and word == "--cursor"
    return shlex.join(["taskq", *words, "--cursor", cursor])
