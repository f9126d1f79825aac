"""How many jobs a worker takes ahead: never more than it will start within about 50 ms.

The rate is what the worker really finished per second of having work, so it holds for jobs that wait
as well as for jobs that compute. Until short run times have been seen nothing is taken beyond the
free slots, and what is taken at most doubles from claim to claim.
"""

from __future__ import annotations

from taskq_core import config

MAX_CLAIM = 500
"""Jobs in one claim: about 2 ms of the server's time."""
_MAX_AHEAD = 1_000
_MAX_TURN = 8
_SPAN = config.PREFETCH_MS / 1000


class Appetite:
    """Says how many jobs to hold, from what was finished and how long that took. Pure."""

    __slots__ = ("_busy", "_finished", "ahead", "slots")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.ahead = slots
        self._finished = 0
        self._busy = 0.0

    def observe(self, finished: int, busy: float) -> None:
        """Takes note of totals: jobs finished, and seconds in which there was at least one at hand."""
        jobs, seconds = finished - self._finished, busy - self._busy
        if jobs < self.slots and seconds < _SPAN:
            return  # too little to judge by
        self._finished, self._busy = finished, busy
        rate = jobs / max(seconds, 1e-6)
        affordable = min(_MAX_AHEAD, int(rate * _SPAN))
        self.ahead = max(self.slots, min(affordable, 2 * self.ahead))

    @property
    def turn(self) -> int:
        """How many jobs of one tenant may come in a row: as many as a slot starts in 50 ms, 1 to 8.

        Streams of many tenants cost the server a read each; with jobs this short nobody waits longer for it.
        """
        return max(1, min(_MAX_TURN, self.ahead // self.slots))

    def want(self, held: int, running: int) -> int:
        """How many to claim now. ``held``: jobs at hand, the ``running`` ones included.

        Small gaps are not filled one by one while there is something to do: half of what may be
        held is fetched at a time, but a free slot with nothing to start is filled at once.
        """
        free = self.slots - held
        if held - running > self.ahead // 2 and free <= 0:
            return 0
        room = self.ahead - held if self.ahead > self.slots else free
        return max(0, min(MAX_CLAIM, room))
