"""The entry point: finds the command, runs it, and turns whatever ends it into an exit code.

Imports here are paid by every command: no redis, pydantic, rich or textual. Even Typer, half of what is
left, is imported late: `taskq --version` and a shell that completes a name do without it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from taskq_cli.endings import Terminated, describe
from taskq_cli.exit_codes import ExitCode

COMPLETE: Final = "_TASKQ_COMPLETE"
"""Set by the scripts of `taskq completion` to the name of the shell that asks."""


def main() -> NoReturn:
    """Runs the command line of this process and ends the process with its exit code."""
    if shell := os.environ.get(COMPLETE):
        from taskq_cli.complete.answer import answer

        answer(shell, sys.argv[1:])
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
    try:
        if args == ["--version"]:
            from taskq_cli.versions import show_version

            show_version()
        else:
            _invoke(args or ["--help"])
    except BaseException as error:
        return describe(error)
    return ExitCode.DONE


def _invoke(args: list[str]) -> None:
    from typer.main import get_command

    from taskq_cli.root import app

    group: Any = get_command(app)
    with group.make_context("taskq", args) as context:
        group.invoke(context)


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
