"""Log records on stderr, as a long-running command writes them: one line each, safe for a terminal."""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

from taskq_cli.sanitize import clean, clean_lines

MAX_MESSAGE: Final = 2_000
_FORMAT: Final = "%(asctime)sZ %(levelname)-7s %(name)s[%(process)d]: %(message)s"


class SafeFormatter(logging.Formatter):
    """One line a record, in UTC; a traceback follows on lines of its own. All of it sanitized.

    Messages hold names and errors of jobs, which come from whoever may enqueue.
    """

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03d"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in the library
        """The line."""
        record.message = clean(record.message, MAX_MESSAGE)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - its name in the library
        """The traceback."""
        return clean_lines(super().formatException(ei))  # type: ignore[arg-type]  # as the library calls it


def log_to_stderr(level: int) -> None:
    """Sends records of taskq from a level on to stderr, and those of an application that sets up no logging.

    An application that configures the root logger keeps its records; taskq's do not come twice.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter())
    ours = logging.getLogger("taskq")
    ours.handlers[:] = [handler]
    ours.propagate = False
    ours.setLevel(level)
    # the last resort is what serves a logger for which nobody set up anything
    logging.lastResort = handler
    logging.getLogger().setLevel(max(level, logging.INFO))
