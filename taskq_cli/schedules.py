"""Which schedules a command is about, and how one is made from flags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer

from taskq_cli.options import Keep, Level, Retries, Tenant, Timeout, span
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_core import (
    Client,
    JobOptions,
    Missed,
    NotFound,
    Overlap,
    Schedule,
    ScheduleInfo,
    ScheduleRef,
    UsageError,
)


@dataclass(frozen=True, slots=True)
class How:
    """How a schedule is to fire, and what its jobs are to be like."""

    tz: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="The time zone of a cron line, such as Europe/Berlin.")
    ] = "UTC"
    missed: Annotated[
        str,
        typer.Option("--missed", metavar="POLICY", help="Runs that nobody could fire: skip, latest or all."),
    ] = "latest"
    grace: Annotated[timedelta | None, span("--grace", "How late a run may be and still be made.")] = None
    overlap: Annotated[
        str,
        typer.Option(
            "--overlap",
            metavar="POLICY",
            help="While the last job is not over: allow, skip or cancel_previous.",
        ),
    ] = "allow"
    jitter: Annotated[timedelta | None, span("--jitter", "Put each run off by up to so much.")] = None
    priority: Level = None
    retries: Retries = None
    timeout: Timeout = None
    keep: Keep = None
    tenant: Tenant = None

    def schedule(self, name: str, spec: str, task: str, payload: bytes) -> Schedule:
        """The schedule. Raises: InvalidName, InvalidOption."""
        wanted = ("priority", "retries", "timeout", "keep", "tenant")
        options: dict[str, Any] = {
            field: getattr(self, field) for field in wanted if getattr(self, field) is not None
        }
        return Schedule(
            name, spec, task, payload, JobOptions(**options), self.tz, Missed.of(self.missed),
            self.grace or None, Overlap.of(self.overlap), self.jitter or None,
        )  # fmt: skip


def schedule_refs(session: Session, names: Sequence[str] | None, verb: str) -> list[ScheduleRef]:
    """The schedules that names and patterns mean, each once. Raises: UsageError, NotFound."""
    if not names:
        raise UsageError("no schedule named", hint=f"For example: taskq schedule {verb} nightly")
    known: list[ScheduleRef] | None = None
    found: list[ScheduleRef] = []
    for name in names:
        queue, slash, rest = name.partition("/")
        if slash and not _is_pattern(name):
            found.append(ScheduleRef.of(queue, rest))
            continue
        known = known if known is not None else _all_refs(session.client)
        found += _like(known, name)
    return list(dict.fromkeys(found))


def one_schedule(session: Session, name: str | None, verb: str) -> ScheduleInfo:
    """The one schedule of a command. Raises: UsageError, NotFound."""
    refs = schedule_refs(session, None if name is None else [name], verb)
    if len(refs) > 1:
        raise UsageError(f"{clean(name or '')!r} means {len(refs)} schedules", hint="Name one of them")
    return session.client.schedules.get(refs[0])


def schedules_in(client: Client, glob: str | None) -> list[ScheduleInfo]:
    """The schedules of the queues that match. Raises: NotFound."""
    return client.schedules.list(queues_like(client, glob))


def _all_refs(client: Client) -> list[ScheduleRef]:
    return [info.ref for info in client.schedules.list(client.queues())]


def _like(known: Iterable[ScheduleRef], name: str) -> list[ScheduleRef]:
    found = [ref for ref in known if fnmatchcase(ref.name, name) or fnmatchcase(str(ref), name)]
    if not found:
        raise NotFound(f"no schedule {clean(name)!r}", hint="`taskq schedule ls` lists them")
    if len(found) > 1 and not _is_pattern(name):
        raise UsageError(
            f"{len(found)} queues have a schedule {clean(name)!r}",
            hint=f"Name one of them: {', '.join(map(str, found[:5]))}",
        )
    return found


def _is_pattern(name: str) -> bool:
    return any(char in name for char in "*?[")
