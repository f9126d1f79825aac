"""The entry point: finds the command, runs it, and turns whatever ends it into an exit code.

Imports here are paid by every command, `taskq --version` included: no redis, pydantic, rich or textual.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from taskq_cli.endings import Terminated, describe
from taskq_cli.exit_codes import ExitCode
from taskq_cli.lazy import LazyGroup
from taskq_cli.leaf import new_app

app = new_app("A task queue on Redis and Valkey.")


def _show_version(value: bool) -> None:
    if value:
        from taskq_core import __version__

        sys.stdout.write(f"taskq {__version__}\n")
        raise typer.Exit


@app.callback(cls=LazyGroup)
def taskq(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """A task queue on Redis and Valkey, made for the terminal.

    `taskq COMMAND --help` shows examples and options of a command. Without a URL the commands use a
    local server of your own, started when it is needed.
    """


def main() -> NoReturn:
    """Runs the command line of this process and ends the process with its exit code."""
    _prepare()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or describe(error)
        _forget_stdout()
    sys.exit(code)


def run(args: list[str]) -> int:
    """The exit code of one command line; whatever went wrong is described on stderr."""
    group: Any = typer.main.get_command(app)
    try:
        with group.make_context("taskq", args or ["--help"]) as context:
            group.invoke(context)
    except BaseException as error:
        return describe(error)
    return ExitCode.DONE


def _prepare() -> None:
    signal.signal(signal.SIGTERM, _terminate)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for the life of the process
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character gets its escape, not a traceback
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _terminate(signal_number: int, frame: object) -> None:
    raise Terminated


def _forget_stdout() -> None:
    # the interpreter flushes stdout once more at its end, and would complain about the closed pipe
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
