"""`taskq failures`: the latest failed attempts, or failed jobs by cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from taskq_cli.failure_views import FAILURE, GROUP, event_record, group_record
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared, span
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_core import Event, FailedAttempt, FailureGroup, State, UsageError, merge_groups

DEFAULT_LIMIT: Final = 100
KEPT: Final = 2_000
"""More than the server keeps of a queue's failed attempts."""

app = new_app()

EXAMPLES = """
taskq failures
taskq failures -q emails --since 1h -o ndjson | jq -r .error.message
taskq failures --group
taskq failures --group -o name --limit 1 | xargs -rI{} taskq retry --group {} --dry-run
taskq failures --group --state scheduled
"""


@leaf(app, examples=EXAMPLES)
def failures(
    shared: Shared,
    *,
    queue: QueueGlob = None,
    group: Annotated[bool, typer.Option("--group", help="Failed jobs by cause, the most frequent first.")] = (
        False
    ),
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="With --group: dead (the default), or scheduled for those that will be tried again.",
        ),
    ] = None,
    since: Annotated[timedelta | None, span("--since", "Only what failed within this time.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = (
        DEFAULT_LIMIT
    ),
) -> None:
    """Show the latest failed attempts, or with --group the causes of failed jobs.

    A cause is a task, an error type, and the place in your code that raised it: file, function and line of
    source. Where no such place is known, it is the message without its numbers, ids, paths and quoted
    texts. `retry`, `bury`, `delete` and `jobs` take the fingerprint of a cause as `--group`.
    """
    earliest = None if since is None else datetime.now(UTC) - since
    with Session(shared) as session:
        if group:
            session.writer(GROUP)
            _show_groups(session, queues_like(session.client, queue), _failed(state), earliest, limit)
            return
        if state is not None:
            raise UsageError("--state goes with --group", hint="taskq failures --group --state scheduled")
        session.writer(FAILURE)
        _show_attempts(session, queues_like(session.client, queue), earliest, limit)


def _failed(state: str | None) -> State:
    wanted = State.DEAD if state is None else State.of(state)
    if wanted not in (State.DEAD, State.SCHEDULED):
        raise UsageError(f"{wanted} jobs have no group", hint="One of: dead, scheduled")
    return wanted


def _show_attempts(session: Session, queues: list[str], since: datetime | None, limit: int) -> None:
    found: list[FailedAttempt] = []
    for queue in queues:
        kept = session.client.failures(queue, limit=min(limit, KEPT))
        found += [attempt for attempt in kept if since is None or attempt.at >= since]
        found = sorted(found, key=lambda attempt: attempt.at, reverse=True)[:limit]
    for attempt in found:
        session.output.write(event_record(Event.failed(attempt)))


def _show_groups(
    session: Session, queues: list[str], state: State, since: datetime | None, limit: int
) -> None:
    groups: dict[str, FailureGroup] = {}
    looked = 0
    for queue in queues:
        cursor = ""
        while True:
            page = session.client.group_failures(queue, state, cursor=cursor, since=since)
            groups = merge_groups([*groups.values(), *page.groups])
            looked += page.looked
            cursor = page.cursor
            if not cursor:
                break
    ranked = sorted(groups.values(), key=lambda each: (-each.count, each.fingerprint))
    for each in ranked[:limit]:
        session.output.write(group_record(each, str(state)))
    cut = f"; the {limit} largest are shown, see --limit" if len(ranked) > limit else ""
    plural = "" if len(ranked) == 1 else "s"
    session.narrate(f"looked at {looked:,} {state} jobs: {len(ranked):,} group{plural}{cut}")
