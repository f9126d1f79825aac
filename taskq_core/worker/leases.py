"""Which workers have died, judged by an observer's own clock. Pure.

A lease that has run out by the server's clock is not enough: the server may have been away, or its
clock may have been set. The observer must itself have watched the lease stand still for its whole
length. Time in which it could not look counts for a quarter of a lease at most: a server that was away
for the observer was away for the workers too, and they get the rest to be heard again.
"""

from __future__ import annotations

from collections.abc import Mapping


class LeaseWatch:
    """Remembers how long each lease was watched without a change. Times in seconds of one monotonic clock."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._watched: dict[str, tuple[str, float]] = {}
        self._looked: float | None = None

    def expired(self, leases: Mapping[str, str], server_ms: int, now: float) -> list[str]:
        """The workers to be revoked. ``leases``: expiry in server ms, as text, by worker."""
        step = 0.0 if self._looked is None else min(now - self._looked, self._lease_s / 4)
        self._looked = now
        before, self._watched = self._watched, {}
        for worker, expiry in leases.items():
            seen, watched = before.get(worker, ("", 0.0))
            self._watched[worker] = (expiry, watched + step if seen == expiry else 0.0)
        return [
            worker
            for worker, (expiry, watched) in self._watched.items()
            if float(expiry) < server_ms and watched >= self._lease_s
        ]
