"""`taskq wait --group`: returns when all members of groups have ended. A look reads counters, no members."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import typer

from taskq_cli.durations import format_duration
from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.group_views import ENDED_GROUP, group_record
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_core import GroupInfo, GroupRef, UsageError

SHORTEST_S: Final = 0.005
LONGEST_S: Final = 0.25
"""The rest between two looks: grows while nothing happens."""


def group_ref(text: str, queue: str | None) -> GroupRef:
    """A reference from the command line. Raises: UsageError, InvalidName."""
    if "/" not in text and queue is None:
        raise UsageError(
            f"{clean(text)!r} does not say which queue it is in",
            hint=f"Write QUEUE/{clean(text)}, or add --queue QUEUE",
        )
    return GroupRef.parse(text, queue)


def wait_for_groups(
    session: Session, refs: Sequence[GroupRef], limit: timedelta | None, *, first_only: bool
) -> None:
    """Waits, prints each group that has ended, and ends the command with its exit code. Raises: NotFound."""
    session.writer(ENDED_GROUP)
    end = None if limit is None else time.monotonic() + limit.total_seconds()
    pending, ended, rest = list(dict.fromkeys(refs)), list[GroupInfo](), SHORTEST_S
    while True:
        found = [session.client.groups.get(ref) for ref in pending]
        over = [info for info in found if _is_over(info)]
        for info in over:
            session.output.write(group_record(info))
            _tell(session, info)
        session.output.flush()
        ended += over
        pending = [info.ref for info in found if not _is_over(info)]
        if not pending or (first_only and ended) or (end is not None and time.monotonic() >= end):
            break
        left = rest if end is None else min(rest, max(0.0, end - time.monotonic()))
        time.sleep(left)
        rest = SHORTEST_S if over else min(LONGEST_S, rest * 1.5)
    if code := _code(ended, 0 if first_only and ended else len(pending), limit):
        raise typer.Exit(code)


def _is_over(info: GroupInfo) -> bool:
    return info.finished_at is not None or (info.ended and info.total > 0)


def _tell(session: Session, info: GroupInfo) -> None:
    gone = [(info.dead, "dead"), (info.cancelled, "cancelled"), (info.removed, "removed")]
    parts = [f"{info.done} done", *(f"{n} {word}" for n, word in gone if n)]
    session.narrate(f"{info.ref}: {', '.join(parts)}")
    if info.job is not None:
        session.narrate(f"its callback is {info.job}")
    if info.advice:
        session.narrate(info.advice)


def _code(ended: Sequence[GroupInfo], pending: int, limit: timedelta | None) -> ExitCode:
    if any(info.dead or info.cancelled or info.removed for info in ended):
        return ExitCode.DIED
    if pending:
        groups = "1 group is" if pending == 1 else f"{pending} groups are"
        after = "" if limit is None else f" after {format_duration(limit.total_seconds())}"
        complain(f"{groups} still pending{after}", "`taskq group show` tells how it stands")
        return ExitCode.PENDING
    return ExitCode.DONE
