"""The command `taskq` itself, as Typer sees it: its own options, and the group that finds the others."""

from __future__ import annotations

from typing import Annotated

import typer

from taskq_cli.lazy import LazyGroup
from taskq_cli.leaf import new_app
from taskq_cli.versions import show_version

app = new_app("A task queue on Redis and Valkey.")


def _version(value: bool) -> None:
    if value:
        show_version()
        raise typer.Exit


@app.callback(cls=LazyGroup)
def taskq(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    """A task queue on Redis and Valkey, made for the terminal.

    `taskq COMMAND --help` shows examples and options of a command. Without a URL the commands use a
    local server of your own, started when it is needed.
    """
