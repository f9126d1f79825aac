"""The options that every command takes, and those that several take: one flag, one meaning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from taskq_cli.durations import duration_option

FORMATS = ("table", "wide", "tsv", "csv", "json", "ndjson", "name")

Queue = Annotated[str | None, typer.Option("-q", "--queue", metavar="QUEUE", help="The queue.")]
QueueGlob = Annotated[
    str | None, typer.Option("-q", "--queue", metavar="GLOB", help="Queues, by name or pattern.")
]
States = Annotated[
    str | None,
    typer.Option(
        "--state", metavar="STATE,…", help="scheduled, ready, running or dead; several with commas."
    ),
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter", metavar="EXPR", help="Only jobs for which this holds: `attempts>3, error.type=OSError`."
    ),
]
Group = Annotated[
    str | None,
    typer.Option("--group", metavar="FP", help="Only jobs that failed of this cause: see `taskq failures`."),
]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done, and do nothing.")]


def span(flag: str, help_: str) -> typer.models.OptionInfo:
    """An option that takes a duration."""
    found: typer.models.OptionInfo = typer.Option(flag, metavar="D", parser=duration_option, help=help_)
    return found


Level = Annotated[
    str | None,
    typer.Option("-p", "--priority", metavar="LEVEL", help="critical, high, normal or low."),
]
Retries = Annotated[int | None, typer.Option("--retries", metavar="N", help="Further attempts.")]
Timeout = Annotated[timedelta | None, span("--timeout", "The longest an attempt may run.")]
Keep = Annotated[timedelta | None, span("--keep", "Keep the result this long.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose job it is: tenants take turns.")
]


def wait_option(text: str) -> timedelta:
    """The value of `--wait[=D]`; alone it means without end."""
    return duration_option(text) if text else timedelta.max


@dataclass(frozen=True, slots=True)
class Shared:
    """What may follow any command: where to look, how to print, how much to ask."""

    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="The server: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
        ),
    ] = None
    namespace: Annotated[
        str | None, typer.Option("--namespace", metavar="NAME", help="The namespace of all queues.")
    ] = None
    profile: Annotated[
        str | None, typer.Option("-P", "--profile", metavar="NAME", help="A profile of the configuration.")
    ] = None
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
    ] = None
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FIELDS", help="Only these fields, as JSON; alone: lists them."),
    ] = None
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No narration on stderr; errors stay.")] = False
