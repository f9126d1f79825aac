"""Setting the limits of a queue; asks where that would cost jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from taskq_cli.durations import duration_option
from taskq_cli.flow_settings import NewFlow
from taskq_cli.queue_views import limits_record
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_core import QueueSnapshot, UsageError


def _age(text: str) -> timedelta:
    return timedelta() if text.strip() == "0" else duration_option(text)


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15})\s*([kMGT]?)(i?)B?", text.strip())
    if match is None:
        raise typer.BadParameter(f"{clean(text)!r} is no size; for example 512MB, 2GiB or 1000000")
    unit: int = (1024 if match[3] else 1000) ** " kMGT".index(match[2] or " ")
    return int(match[1]) * unit


def _switch(text: str | None) -> str | None:
    if text not in (None, "on", "off"):
        raise typer.BadParameter(f"{clean(text)!r} is neither on nor off")
    return text


@dataclass(frozen=True, slots=True)
class NewLimits:
    """The limits that are to change."""

    max_jobs: Annotated[
        int | None, typer.Option("--max-jobs", min=0, metavar="N", help="Jobs it takes; then QueueFull.")
    ] = None
    max_bytes: Annotated[
        int | None,
        typer.Option(
            "--max-bytes",
            metavar="SIZE",
            parser=_size,
            help="Memory its jobs take, about, such as 512MB; then QueueFull.",
        ),
    ] = None
    dead_max: Annotated[
        int | None, typer.Option("--dead-max", min=0, metavar="N", help="Dead jobs it keeps.")
    ] = None
    dead_age: Annotated[
        timedelta | None,
        typer.Option("--dead-age", metavar="D", parser=_age, help="How long it keeps dead jobs."),
    ] = None
    slo: Annotated[
        timedelta | None,
        typer.Option(
            "--slo", metavar="D", parser=_age, help="How long a job may wait until it starts: for alerts."
        ),
    ] = None

    notes: Annotated[
        str | None,
        typer.Option("--notes", metavar="on|off", callback=_switch, help="Keep what running jobs say."),
    ] = None

    @property
    def none(self) -> bool:
        """Whether nothing is to change."""
        return (
            self.max_jobs is None
            and self.max_bytes is None
            and self.dead_max is None
            and self.dead_age is None
            and self.slo is None
            and self.notes is None
        )


def set_limits(session: Session, queue: str, limits: NewLimits, flow: NewFlow, *, dry_run: bool) -> None:
    """Sets the limits and shows all of them. Raises: UsageError, Refused."""
    if limits.none and flow.none:
        raise UsageError(
            "no limit named", hint=f"For example: taskq queue set {queue} --max-jobs 100000 --dead-age 30d"
        )
    session.may_change()
    before = session.client.snapshot(queue)
    over = _dead_over(before, limits)
    if dry_run:
        lost = f"; {over} dead jobs would be over it" if over else ""
        session.narrate(f"would set {_named(limits, flow)} of {queue}{lost}; nothing was changed")
        return
    if over:
        session.confirm(f"{queue} has {over} dead jobs over the new limit; they go as others die. Set it?")
    session.client.configure(
        queue,
        max_jobs=limits.max_jobs,
        max_bytes=limits.max_bytes,
        dead_max=limits.dead_max,
        dead_age=limits.dead_age,
        slo=limits.slo,
        notes=None if limits.notes is None else limits.notes == "on",
        **flow.given,
    )
    session.output.write(limits_record(session.client.snapshot(queue)))


def _dead_over(before: QueueSnapshot, limits: NewLimits) -> int:
    """Dead jobs that the new limits would drop. How old they are is not counted: it would mean a walk."""
    if limits.dead_max:
        return max(0, before.dead - limits.dead_max)
    if limits.dead_age and limits.dead_age < before.limits.dead_age:
        return before.dead
    return 0


def _named(limits: NewLimits, flow: NewFlow) -> str:
    named: dict[str, object] = {
        "max-jobs": limits.max_jobs,
        "max-bytes": limits.max_bytes,
        "dead-max": limits.dead_max,
        "dead-age": limits.dead_age,
        "slo": limits.slo,
        "notes": limits.notes,
        **flow.named,
    }
    return ", ".join(f"{name} {value or 'default'}" for name, value in named.items() if value is not None)
