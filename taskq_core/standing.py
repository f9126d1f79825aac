"""Where jobs stand: read for up to a thousand at once, at a cost that does not depend on their payloads."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from taskq_core import config
from taskq_core.command import Command, text
from taskq_core.errors import InvalidOption
from taskq_core.keys import QueueKeys
from taskq_core.names import check_job_id
from taskq_core.scripts import script

COPIED_BYTES: Final = 1024 * 1024
"""Payloads that one call may copy inside the server to see that a job is there: a fraction of a ms."""


class Standing(StrEnum):
    """Where a job stands, as far as the server can tell.

    ``ended``: it is gone, and nothing was kept of how: done, cancelled, purged or deleted.
    ``unknown``: no job of that id was ever made. An id that is older than the newest of its queue cannot
    be told from one that has ended, so this finds ids of another server rather than every wrong one.
    """

    SCHEDULED = "scheduled"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @property
    def pending(self) -> bool:
        """It has not ended: it waits or runs."""
        return self in _PENDING


_PENDING: Final = frozenset({Standing.SCHEDULED, Standing.READY, Standing.RUNNING})
_GONE: Final = frozenset({Standing.ENDED, Standing.UNKNOWN})
_LETTERS: Final = {
    "s": Standing.SCHEDULED,
    "r": Standing.READY,
    "w": Standing.RUNNING,
    "d": Standing.DEAD,
    "g": Standing.ENDED,
    "n": Standing.UNKNOWN,
}


class Look:
    """One look at jobs of a queue: a client sends what `command` names and hands the reply to `take`."""

    def __init__(self, keys: QueueKeys, ids: Sequence[str]) -> None:
        """Raises: InvalidName, InvalidOption."""
        if len(ids) > config.MAX_BATCH:
            raise InvalidOption(f"{len(ids)} ids in one call are more than {config.MAX_BATCH}")
        self._keys = keys
        self._ids = [check_job_id(job_id) for job_id in ids]
        self._found: list[Standing] = []
        self._gone: list[int] | None = None

    @property
    def found(self) -> list[Standing]:
        """Where each job stands, in the order of the ids, once `command` has no more."""
        return self._found

    def command(self) -> Command[list[Standing]] | None:
        """The next call; None when all is known."""
        if len(self._found) < len(self._ids):
            return states(self._keys, self._ids[len(self._found) :])
        if self._gone is None:
            self._gone = [at for at, standing in enumerate(self._found) if standing in _GONE]
            if self._gone:
                return outcomes(self._keys, [self._ids[at] for at in self._gone])
        return None

    def take(self, reply: list[Standing]) -> None:
        """What the call brought."""
        if self._gone is None:
            self._found += reply
            return
        for at, standing in zip(self._gone, reply, strict=True):
            if standing is not Standing.ENDED:
                self._found[at] = standing


def states(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Standing]]:
    """Where the first of the jobs stand, at least one: the rest is left to further calls."""
    names = [*keys.streams, keys.jobs, keys.moved, keys.dead_jobs, keys.meta]
    return Command(script("states"), names, [COPIED_BYTES, *ids], _read_states)


def _read_states(reply: Any) -> list[Standing]:
    return [_LETTERS[letter] for letter in text(reply)]


def outcomes(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Standing]]:
    """How jobs that are gone have ended: as it was kept, else merely ``ended``."""
    return Command(script("outcomes"), [keys.result(job_id) for job_id in ids], [], _read_outcomes)


def _read_outcomes(reply: Any) -> list[Standing]:
    known = {"done": Standing.DONE, "dead": Standing.DEAD, "cancelled": Standing.CANCELLED}
    return [known.get(text(state), Standing.ENDED) for state in reply]
