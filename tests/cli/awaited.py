"""Jobs that do not end while a test runs, and how a test ends them."""

from __future__ import annotations

from datetime import timedelta

from taskq_core import JobOptions, JobRef
from tests.cli.conftest import Shell

LATER = JobOptions(delay=timedelta(hours=1))
KEPT_LATER = JobOptions(delay=timedelta(hours=1), keep=timedelta(hours=1))
EVER_S = 30


def later(sh: Shell, options: JobOptions = LATER, count: int = 1) -> list[str]:
    """Jobs that will not end while a test runs."""
    with sh.client() as client:
        return [str(receipt) for receipt in client.enqueue_many("emails", "send", [{}] * count, options)]


def cancel(sh: Shell, *refs: str) -> None:
    with sh.client() as client:
        client.cancel("emails", [JobRef.parse(ref).id for ref in refs])


def purge(sh: Shell, *refs: str) -> None:
    """Lets jobs be gone without a trace."""
    cancel(sh, *refs)
