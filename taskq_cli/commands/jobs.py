"""`taskq jobs`: lists jobs of queues, page by page."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final

import typer

from taskq_cli.filters import parse_filter
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Filter, QueueGlob, Shared, States, span
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.targets import queues_like, states_of
from taskq_cli.views import JOB, job_record
from taskq_core import JobDetail, Page, State, UsageError, shown_url

DEFAULT_LIMIT: Final = 100
PAGE: Final = 1_000
"""Jobs asked for in one call."""

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
    """List the jobs of queues. Jobs that are done are not kept, and so not listed."""
    with Session(shared) as session:
        session.writer(JOB)
        listing = Listing(session, wanted)
        for job in listing:
            session.output.write(job_record(job))
        if listing.next_cursor:
            session.narrate(f"there may be more; the next page: {_next_command(listing.next_cursor)}")


class Listing:
    """The jobs of one page of the command. Afterwards ``next_cursor`` continues it; empty at the end."""

    def __init__(self, session: Session, wanted: Wanted) -> None:
        self.next_cursor = ""
        self._wanted = wanted
        self._client = session.client
        self._accepts = _conditions(wanted)

    def __iter__(self) -> Iterator[JobDetail]:
        left = self._wanted.limit
        for queue, state, cursor in self._places():
            for page in self._pages(queue, state, cursor, left):
                yield from page.jobs
                left -= len(page.jobs)
                cursor = page.cursor
            if not left:
                self.next_cursor = f"{queue}/{state}/{cursor}" if cursor else self._after(queue, state)
                return

    def _pages(self, queue: str, state: State, cursor: str, left: int) -> Iterator[Page]:
        """Pages with the jobs that are wanted, ``left`` at most: a cursor can only stand between pages."""
        size = min(left, PAGE)
        while left:
            page = self._client.list_jobs(queue, state, limit=size, cursor=cursor)
            found = tuple(filter(self._accepts, page.jobs))
            if len(found) > left:
                size = max(1, size // 2)
                continue
            yield Page(found, page.cursor)
            left -= len(found)
            cursor = page.cursor
            if not cursor:
                return
            size = min(PAGE, size * 4) if not found else size

    def _places(self) -> Iterator[tuple[str, State, str]]:
        first = _split(self._wanted.cursor)
        for queue in queues_like(self._client, self._wanted.queue):
            for state in states_of(self._wanted.state):
                if first is None:
                    yield queue, state, ""
                elif (queue, state) == first[:2]:
                    yield first
                    first = None

    def _after(self, queue: str, state: State) -> str:
        """The beginning of what comes after a place that was listed to its end."""
        places = [
            (name, each)
            for name in queues_like(self._client, self._wanted.queue)
            for each in states_of(self._wanted.state)
        ]
        index = places.index((queue, state)) + 1
        return f"{places[index][0]}/{places[index][1]}/" if index < len(places) else ""


def _conditions(wanted: Wanted) -> Callable[[JobDetail], bool]:
    accepts = parse_filter(wanted.filter)
    earliest = None if wanted.since is None else datetime.now(UTC) - wanted.since

    def holds(job: JobDetail) -> bool:
        if wanted.task is not None and not fnmatchcase(job.task, wanted.task):
            return False
        if earliest is not None and (job.died_at or job.enqueued_at) < earliest:
            return False
        return accepts(job)

    return holds


def _split(cursor: str | None) -> tuple[str, State, str] | None:
    if cursor is None:
        return None
    parts = cursor.split("/", 2)
    if len(parts) != 3:
        raise UsageError(f"{clean(cursor)!r} is no cursor", hint="Use the one that the page before printed")
    return parts[0], State.of(parts[1]), parts[2]


def _next_command(cursor: str) -> str:
    words: list[str] = []
    skip = False
    for word in sys.argv[1:]:
        if not skip and word != "--cursor" and not word.startswith("--cursor="):
            words.append(shown_url(word) if "://" in word and "@" in word else word)
        skip = not skip and word == "--cursor"
    return shlex.join(["taskq", *words, "--cursor", cursor])
