"""Waiting for room: how a producer that may wait goes about it when a queue is full. No I/O.

It looks by a call that carries no payloads, rests for as long as the queue will need at the rate at which
jobs leave it, and then sends what fits.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final

from taskq_core.clock import monotonic
from taskq_core.command import Command, text
from taskq_core.commands.produce import Group
from taskq_core.errors import InvalidOption, QueueFull, Refused
from taskq_core.keys import QueueKeys
from taskq_core.meaning import queue_full
from taskq_core.scripts import script

_LEAST_S: Final = 0.01
_FIRST_S: Final = 0.02
_MOST_S: Final = 1.0
"""How long a producer rests between two looks: where nothing moves, each asks once a second."""
_SHARE: Final = 4
"""What may be cut is sent once a quarter of the limit is free: not job by job, and no worker runs dry."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a queue found. ``left``: how many jobs have left it so far."""

    full: QueueFull | None
    left: int


def look(keys: QueueKeys, jobs: int, size: int) -> Command[Look]:
    """Whether there is room for so many jobs of so many bytes."""

    def read(reply: Any) -> Look:
        said = text(reply[0])
        # one that is draining is found out by the enqueue itself
        word, _, rest = said.partition(" ")
        return Look(queue_full(rest, keys.queue) if word == "QUEUEFULL" else None, int(reply[1]))

    names = [*keys.streams, keys.jobs, keys.meta, keys.stats]
    return Command(script("room"), names, [jobs, size], read)


class Waiting:
    """Jobs that wait for room, for at most ``within`` without any progress.

    ``whole``: all of them go in one call; otherwise they are one group, of which is sent what fits.
    """

    def __init__(
        self, keys: QueueKeys, groups: Sequence[Group], within: timedelta, *, whole: bool = True
    ) -> None:
        if within < timedelta(0):
            raise InvalidOption(f"wait_for_room is less than nothing: {within}")
        self.groups = list(groups)
        self._keys = keys
        self._whole = whole
        self._within = within.total_seconds()
        self._fits = 0
        self._error: Refused | None = None
        self._progress()

    def _progress(self) -> None:
        self._end = monotonic() + self._within
        self._pause = _FIRST_S
        self._seen: tuple[float, int] | None = None

    def portion(self) -> list[Group]:
        """What to send now."""
        return [self._first(self._fits)] if self._fits else self.groups

    def _first(self, count: int) -> Group:
        return replace(self.groups[0], payloads=self.groups[0].payloads[:count])

    def sent(self) -> None:
        """The portion was added. `groups` are those that are left."""
        rest = self.groups[0].payloads[self._fits :] if self._fits else ()
        self.groups = [replace(self.groups[0], payloads=rest)] if rest else []
        self._progress()

    def refused(self, error: Refused) -> None:
        """The portion was not added. Raises: the error, where there never will be room."""
        self._error = error
        self._pause = min(_MOST_S, self._pause * 2)
        if isinstance(error, QueueFull):
            jobs, size = self._needed(error)
            if error.limit < (jobs if error.unit == "jobs" else size):
                raise error
            if not self._whole and error.unit == "jobs" and self._fits != jobs <= error.limit - error.depth:
                self._fits, self._error = jobs, None  # a smaller portion fits at once

    def pause(self) -> float:
        """Seconds to rest before a look; 0: send the portion now. Raises: the refusal, when time is up."""
        if self._error is None:
            return 0.0
        left = self._end - monotonic()
        if left <= 0:
            raise self._error
        return min(left, self._pause * random.uniform(0.75, 1.25))  # noqa: S311 - jitter needs no secrecy

    def look(self) -> Command[Look]:
        """The look to take after a pause."""
        return look(self._keys, *self._needed(self._error))

    def take(self, found: Look) -> None:
        """What it found: from now on `pause` is 0, or how long the room will take to come."""
        if found.full is None:
            # the server's memory is not seen by a look, nor is a tenant's limit: the enqueue will tell
            self._fits = 0 if self._whole else self._needed(self._error)[0]
            self._error = None
            return
        self._error, now, seen = found.full, monotonic(), self._seen
        self._seen = now, found.left
        rate = (found.left - seen[1]) / max(0.001, now - seen[0]) if seen is not None else 0.0
        missing = found.full.depth + self._needed(found.full)[0] - found.full.limit
        if rate > 0 and found.full.unit == "jobs":
            self._pause = min(_MOST_S, max(_LEAST_S, missing / rate))
        else:
            self._pause = min(_MOST_S, self._pause * 2)

    def give_up(self) -> None:
        """Waits no longer: `pause` raises."""
        self._end = 0.0

    def _needed(self, error: Refused | None) -> tuple[int, int]:
        """Jobs and bytes for which there has to be room before it is worth while to send anything."""
        sizes = [len(payload) for group in self.groups for payload in group.payloads]
        if self._whole or not isinstance(error, QueueFull):
            return len(sizes), sum(sizes)
        share = error.limit // _SHARE
        count = share if error.unit == "jobs" else bisect_right(list(accumulate(sizes)), share)
        count = max(1, min(len(sizes), count))
        return count, sum(sizes[:count])
