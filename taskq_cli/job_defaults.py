"""What the command line of `taskq enqueue` says about every job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from taskq_core import DEFAULT_OPTIONS, JobOptions


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the command line says about every job. ``task`` None: each line names its own."""

    queue: str
    task: str | None = None
    options: JobOptions = DEFAULT_OPTIONS
    durable: bool = False
    wait_for_room: timedelta | None = None
