"""How a command ends: each error becomes an exit code and, where it helps, words on stderr."""

from __future__ import annotations

import contextlib
import signal
import sys

from taskq_cli.exit_codes import ExitCode, code_of
from taskq_cli.sanitize import clean, clean_lines

MAX_MESSAGE = 600


class Terminated(BaseException):
    """SIGTERM arrived."""


def describe(error: BaseException) -> int:
    """The exit code of what ended a command, after telling it on stderr: what, why, what to do."""
    import typer  # here and below: what ends well needs neither

    if isinstance(error, KeyboardInterrupt | typer.Abort):
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends the process at once
        return ExitCode.INTERRUPTED
    if isinstance(error, Terminated):
        return ExitCode.TERMINATED
    if isinstance(error, BrokenPipeError):
        return ExitCode.CLOSED_PIPE
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return _system_exit(error)
    return _failure(error)


def complain(message: str, hint: str = "") -> None:
    """An error on stderr, and what to do about it."""
    _write(f"taskq: error: {clean(message, MAX_MESSAGE)}\n")
    if hint:
        _write(f"  {clean(hint, MAX_MESSAGE)}\n")


def _failure(error: BaseException) -> int:
    show = getattr(error, "format_message", None)
    if show is not None:  # a usage error of Typer
        context = getattr(error, "ctx", None)
        path = "taskq" if context is None else context.command_path
        complain(show(), f"See `{path} --help`.")
        return int(getattr(error, "exit_code", ExitCode.USAGE))
    if _on_purpose(error):
        complain(str(error), getattr(error, "hint", ""))
        return code_of(error)
    if isinstance(error, OSError):
        complain(str(error))
        return ExitCode.FAILED
    import traceback

    _write(clean_lines("".join(traceback.format_exception(error))))
    complain("this is a defect of taskq, not of what you asked for.", "Please report the lines above.")
    return ExitCode.FAILED


def _on_purpose(error: BaseException) -> bool:
    core = sys.modules.get("taskq_core")
    return core is not None and isinstance(error, core.TaskqError)


def _system_exit(error: SystemExit) -> int:
    if isinstance(error.code, str):
        complain(error.code)
        return ExitCode.FAILED
    return error.code or ExitCode.DONE


def _write(text: str) -> None:
    # stderr may be closed or full; the exit code still tells
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
