"""`taskq bench`: what this server and this machine can do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Annotated, Any, Final

import typer

from taskq_cli.bench.delivery import delivery
from taskq_cli.bench.measurement import Measurement, rounded
from taskq_cli.bench.producing import enqueue
from taskq_cli.bench.scratch import NAMESPACE, Scratch
from taskq_cli.bench.server_load import Idle, idle
from taskq_cli.bench.working import drain_plain, latency, life, priority
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.views import View
from taskq_core import Refused, ServerInfo, UsageError, shown_url

app = new_app()

VIEW: Final = View(
    schema="taskq.bench/1",
    fields=("schema", "measure", "value", "unit", "jobs", "note", "server", "version"),
    columns=("measure", "value", "unit", "jobs", "note"),
    key="measure",
)
GROUPS: Final = ("enqueue", "memory", "drain", "cpu", "latency", "priority", "delivery")
BYTES_A_JOB: Final = 1_000
"""More than a job ever takes; several measures may hold theirs at the same time."""

EXAMPLES = """
taskq bench
taskq bench --url redis://localhost:6379 --jobs 1000000
taskq bench --only drain,latency -o json
"""


@leaf(app, examples=EXAMPLES)
def bench(
    shared: Shared,
    *,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1_000, max=10_000_000, metavar="N", help="Jobs in a queue.")
    ] = 100_000,
    only: Annotated[
        str | None, typer.Option("--only", metavar="A,B", help=f"Some of {', '.join(GROUPS)}.")
    ] = None,
) -> None:
    """Measure throughput, latency, memory and exact delivery on your server.

    Works in the namespace taskq-bench and removes its queues at the end; other keys are not touched.
    Workers and producers are processes of their own. Exit code 1 when a job was lost.
    """
    with Session(shared) as session:
        wanted = _wanted(only)
        writer = session.writer(VIEW)
        session.may_change()
        if session.settings.protected:
            session.confirm(f"Put load on {shown_url(session.url)}?")
        server = session.client.ping()
        _check_room(server, jobs)
        session.narrate(
            f"measuring {server.kind} {server.version} on {shown_url(session.url)} with {jobs:,} jobs, "
            f"in the namespace {NAMESPACE}; append-only file {'on' if server.aof else 'off'}"
        )
        lost = 0.0
        with closing(_measure(session, jobs, wanted)) as measured:
            for found in measured:
                writer.write(_record(found, server))
                lost += found.value if found.measure == "lost" else 0
        if lost:
            session.narrate(f"{lost:,.0f} jobs were lost")
            raise typer.Exit(ExitCode.FAILED)


def _wanted(only: str | None) -> frozenset[str]:
    wanted = frozenset(name for part in (only or "").split(",") if (name := part.strip()))
    unknown = sorted(wanted - set(GROUPS))
    if unknown:
        raise UsageError(f"no measure {unknown[0][:40]!r}", hint=f"There are: {', '.join(GROUPS)}")
    return wanted or frozenset(GROUPS)


def _check_room(server: ServerInfo, jobs: int) -> None:
    left = server.max_memory - server.used_memory
    if server.max_memory and left < jobs * BYTES_A_JOB:
        raise Refused(
            f"the server has {left / 1e6:,.0f} MB left (maxmemory), {jobs:,} jobs may need more",
            hint=f"Measure with fewer: --jobs {max(1_000, left // BYTES_A_JOB)}",
        )


def _measure(session: Session, jobs: int, wanted: frozenset[str]) -> Generator[Measurement]:
    with Scratch(session.url) as scratch:
        quiet = idle(scratch.client)
        if quiet.remark:
            session.narrate(f"not alone on this server: {quiet.remark}")
        for groups, take in _measures(scratch, jobs, quiet).items():
            if not wanted.intersection(groups):
                continue
            session.narrate(f"{', '.join(name for name in groups if name in wanted)} …")
            for found in take():
                if _GROUP_OF.get(found.measure, groups[0]) in wanted:
                    yield found


_GROUP_OF: Final = {"memory": "memory", "drain_async": "drain", "server_cpu": "cpu"}
"""Of the measures that are taken on one way through a queue."""


def _measures(
    scratch: Scratch, jobs: int, quiet: Idle
) -> dict[tuple[str, ...], Callable[[], Iterator[Measurement]]]:
    return {
        ("enqueue",): lambda: enqueue(scratch, jobs),
        ("memory", "drain", "cpu"): lambda: life(scratch, jobs, quiet),
        ("drain",): lambda: drain_plain(scratch, jobs),
        ("latency",): lambda: latency(scratch, jobs),
        ("priority",): lambda: priority(scratch, jobs),
        ("delivery",): lambda: delivery(scratch, jobs),
    }


def _record(found: Measurement, server: ServerInfo) -> dict[str, Any]:
    return {
        "schema": VIEW.schema,
        "measure": found.measure,
        "value": rounded(found.value),
        "unit": found.unit,
        "jobs": found.jobs,
        "note": found.note,
        "server": server.kind,
        "version": server.version,
    }
