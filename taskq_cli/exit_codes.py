"""The exit codes of every command: an interface for scripts, so none may change its meaning."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says. 123 to 127 and 255 are left to xargs and the shell."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    REFUSED = 5
    PARTLY = 6
    DIED = 7
    PENDING = 8
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


def code_of(error: BaseException) -> ExitCode:
    """The exit code of an error that taskq raised on purpose; FAILED for any other."""
    from taskq_core import (  # here, so that `--version` does not import it
        NotDurable,
        NotFound,
        Refused,
        ServerUnreachable,
        UsageError,
    )

    table: tuple[tuple[type[Exception], ExitCode], ...] = (
        (UsageError, ExitCode.USAGE),
        (NotFound, ExitCode.NOT_FOUND),
        (NotDurable, ExitCode.PARTLY),
        (Refused, ExitCode.REFUSED),
        (ServerUnreachable, ExitCode.UNREACHABLE),
    )
    return next((code for kind, code in table if isinstance(error, kind)), ExitCode.FAILED)
