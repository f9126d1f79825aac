"""`taskq server`: the local server, which other commands start by themselves."""

from __future__ import annotations

from typing import Any, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Shared
from taskq_cli.session import Session
from taskq_cli.views import View
from taskq_core import LocalServer, LocalStatus

app = new_app("Start, stop and look at the local server.")

SERVER: Final = View(
    schema="taskq.server/1",
    fields=(
        "schema", "running", "url", "folder", "pid", "kind", "version", "uptime_s", "data_bytes",
        "memory_bytes",
    ),
    columns=("running", "url", "folder", "pid", "kind", "version", "uptime_s", "data_bytes", "memory_bytes"),
    key="url",
    upright=True,
)  # fmt: skip


@leaf(app, name="start", examples="taskq server start\nexport TASKQ_REDIS_URL=$(taskq server start -o name)")
def start(shared: Shared) -> None:
    """Start the local server, unless it runs. Other commands do so by themselves."""
    with Session(shared) as session:
        writer = session.writer(SERVER)
        local = LocalServer()
        session.narrate("the local server is started" if local.ensure() else "the local server runs already")
        writer.write(_record(local.status()))


@leaf(app, name="stop", examples="taskq server stop")
def stop(shared: Shared) -> None:
    """Stop the local server. Its jobs are on disk, and there again after the next start."""
    with Session(shared) as session:
        writer = session.writer(SERVER)
        local = LocalServer()
        session.narrate("the local server is stopped" if local.stop() else "no local server runs")
        writer.write(_record(local.status()))


@leaf(app, name="status", examples="taskq server status\ntaskq server status --json running,pid")
def status(shared: Shared) -> None:
    """Show the local server; exit code 3 when it does not run."""
    with Session(shared) as session:
        writer = session.writer(SERVER)
        found = LocalServer().status()
        writer.write(_record(found))
        if not found.running:
            raise typer.Exit(ExitCode.UNREACHABLE)


def _record(status: LocalStatus) -> dict[str, Any]:
    return {
        "schema": SERVER.schema,
        "running": status.running,
        "url": status.url,
        "folder": str(status.folder),
        "pid": status.pid,
        "kind": status.kind,
        "version": status.version,
        "uptime_s": status.uptime_s,
        "data_bytes": status.data_bytes,
        "memory_bytes": status.memory_bytes,
    }
