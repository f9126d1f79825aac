"""Saying that something does not work: at once, then every ten seconds, and when it works again."""

from __future__ import annotations

import logging

from taskq_core.clock import monotonic
from taskq_core.errors import TaskqError

log = logging.getLogger("taskq.worker")
_EVERY_S = 10.0


class Trouble:
    """The state of one duty of a worker. A server away for a minute makes seven lines, not hundreds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None
        self._said = 0.0

    def note(self, error: TaskqError) -> None:
        """The duty failed."""
        now = monotonic()
        if self._since is None:
            self._since = now
        elif now - self._said < _EVERY_S:
            return
        self._said = now
        log.error("%s failed: %s%s", self._what, error, f" ({error.hint})" if error.hint else "")

    def over(self) -> None:
        """The duty was done."""
        if self._since is not None:
            log.warning("%s works again, after %.1f s", self._what, monotonic() - self._since)
            self._since = None
