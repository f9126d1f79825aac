"""Which workers have died, judged by an observer's own clock. Pure.

A lease that has run out by the server's clock is not enough: the server may have been away, or its
clock may have been set. The observer must itself have watched the lease stand still for as long as
it had left when it was first seen, and no shorter than the observer's own: so a clock that is set forward
ends none. One that is set back makes none longer: of a lease that still has longer to go than the observer's
own, `reclaim` finds out whether it can be so long. Time in which the observer could not look counts for a
quarter of a lease at most: a server that was away for the observer was away for the workers too, and they
get the rest to be heard again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Sight:
    """An expiry as it was first seen: what was left of it then, and how long it was watched since."""

    expiry: str
    left_s: float
    watched_s: float = 0.0


class LeaseWatch:
    """Remembers how long each lease was watched without a change. Times in seconds of one monotonic clock."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._sights: dict[str, _Sight] = {}
        self._looked: float | None = None

    def expired(self, leases: Mapping[str, str], server_ms: int, now: float) -> list[str]:
        """The workers to revoke, if `reclaim` agrees. ``leases``: expiry in server ms, as text, by worker."""
        step = 0.0 if self._looked is None else min(now - self._looked, self._lease_s / 4)
        self._looked = now
        before, self._sights = self._sights, {}
        for worker, expiry in leases.items():
            seen = before.get(worker)
            if seen is None or seen.expiry != expiry:
                self._sights[worker] = _Sight(expiry, (float(expiry) - server_ms) / 1000)
            else:
                self._sights[worker] = _Sight(expiry, seen.left_s, seen.watched_s + step)
        return [worker for worker, sight in self._sights.items() if self._over(sight, server_ms)]

    def _over(self, sight: _Sight, server_ms: int) -> bool:
        left_s = (float(sight.expiry) - server_ms) / 1000
        return sight.watched_s >= self._lease_s and (sight.watched_s > sight.left_s or left_s > self._lease_s)
